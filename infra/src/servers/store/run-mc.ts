import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { packageSettings } from '../../find/package-settings.ts'
import type { KeyPair } from './bucket-users.ts'

/** A MinIO as its root user reaches it; `mc` is the program, `endpoint` is `host:port`. */
export type Root = { mc: string; endpoint: string; root: KeyPair; env: NodeJS.ProcessEnv }
/** Runs `mc`, which knows the store as `root`. A failure that says `allow` is none. */
export type Mc = (parameters: string[], options?: { input?: string; allow?: string }) => Promise<void>

/** Lends `mc` and a folder for its files; both are gone afterwards. */
export async function withMc(root: Root, work: (mc: Mc, scratch: string) => Promise<void>): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'millrace-mc-'))
  try {
    await work(mcFor(root, scratch), scratch)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

const mcFor =
  ({ mc, endpoint, root, env }: Root, scratch: string): Mc =>
  async (parameters, { input = '', allow } = {}) => {
    const ran = await execa(mc, ['--json', '--config-dir', join(scratch, 'mc'), ...parameters], {
      env: { ...packageSettings(env), MC_HOST_root: `http://${root.key}:${root.secret}@${endpoint}` },
      extendEnv: false,
      input,
      all: true,
      reject: false,
      timeout: 30_000,
    })
    if (!ran.failed || (allow && ran.all.includes(allow))) return
    // mc repeats its input, secrets too: only the words of its error may leave here.
    const words = [...ran.all.matchAll(/"message":\s*"([^"]*)"/g)].map(([, message]) => message)
    throw new Error(`mc ${parameters.slice(0, 3).join(' ')} failed: ${words.join(': ') || ran.shortMessage}`)
  }
