import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { execa } from 'execa'
import { packageSettings } from '../find/package-settings.ts'
import { readIfThere, writeSecretFile } from '../home/secret-file.ts'

const users = ['manage', 'upload', 'download'] as const

export type MinioSetup = {
  mc: string
  /** Holds `data` and the note that says what was set up. */
  folder: string
  endpoint: string
  bucket: string
  root: string
  secrets: Record<'root' | (typeof users)[number], string>
  env: NodeJS.ProcessEnv
}

/** The bucket, a policy and a user per purpose. Does nothing when the same was done before on the same data. */
export async function setUpMinio(setup: MinioSetup): Promise<void> {
  const policies = await Promise.all(users.map((user) => policyFor(user, setup.bucket)))
  const digest = createHash('sha256')
    .update(JSON.stringify([setup.bucket, policies, setup.secrets]))
    .digest('hex')
  const note = join(setup.folder, 'set-up')
  if ((await readIfThere(note)) === digest) return

  const scratch = await mkdtemp(join(tmpdir(), 'millrace-mc-'))
  try {
    const mc = mcFor(setup, scratch)
    await Promise.all([
      mc(['mb', '--ignore-existing', `root/${setup.bucket}`]),
      ...users.map(async (user, index) => {
        const file = join(scratch, `${user}.json`)
        await writeFile(file, policies[index] ?? '')
        await patiently(async () => {
          await mc(['admin', 'policy', 'create', 'root', user, file])
          // Key and secret go in by standard input: a command line is for everyone to read.
          await mc(['admin', 'user', 'add', 'root'], { input: `${user}\n${setup.secrets[user]}\n` })
          await mc(['admin', 'policy', 'attach', 'root', user, '--user', user], { allow: 'AlreadyApplied' })
        })
      }),
    ])
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  await writeSecretFile(note, digest)
}

async function policyFor(user: string, bucket: string): Promise<string> {
  const text = await readFile(new URL(`../../minio/policies/${user}.json`, import.meta.url), 'utf8')
  return text.replaceAll('BUCKET', bucket)
}

const tries = 5

/** A MinIO that has just started may forget a user or a policy that it has just been told: all of it again, then. */
async function patiently(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt === tries) throw error
      await pause(attempt * 400)
    }
  }
}

const mcFor =
  ({ mc, endpoint, root, secrets, env }: MinioSetup, scratch: string) =>
  async (
    parameters: string[],
    { input = '', allow }: { input?: string; allow?: string } = {},
  ): Promise<void> => {
    const ran = await execa(mc, ['--json', '--config-dir', join(scratch, 'mc'), ...parameters], {
      env: { ...packageSettings(env), MC_HOST_root: `http://${root}:${secrets.root}@${endpoint}` },
      extendEnv: false,
      input,
      all: true,
      reject: false,
      timeout: 30_000,
    })
    if (!ran.failed || (allow && ran.all.includes(allow))) return
    // mc repeats what it was given, secrets too: only its error's words may leave here.
    const words = [...ran.all.matchAll(/"message":\s*"([^"]*)"/g)].map(([, message]) => message)
    throw new Error(`mc ${parameters.join(' ')} failed: ${words.join(': ') || ran.shortMessage}`)
  }
