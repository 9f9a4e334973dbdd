import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { detail, step } from './say.ts'

const root = resolve(import.meta.dirname, '..', '..')

export type Installation = {
  home: string
  /** Uses what runs already, else starts everything; resolves when requests are served. */
  start(signal: AbortSignal): Promise<{ url: string; key: string }>
  /** Ends what `start` started, and only that. */
  stop(): Promise<void>
}

export async function findInstallation(env: NodeJS.ProcessEnv): Promise<Installation> {
  const home = resolve(root, env.MILLRACE_HOME ?? '.millrace')
  const url = env.MILLRACE_URL ?? `http://${env.HOST ?? '127.0.0.1'}:${env.PORT ?? 8787}`
  const adminKey = async () =>
    env.MILLRACE_ADMIN_KEY ?? (await readFile(join(home, 'admin-key'), 'utf8')).trim()
  let started: ChildProcess | undefined
  return {
    home,
    async start(signal) {
      const there = await reach(url, adminKey)
      if (there) {
        step(`Using the installation at ${url}`)
        return there
      }
      step('Starting MongoDB, NATS, MinIO, the API and an agent')
      started = spawn(process.execPath, [join(root, 'infra/src/start.ts')], {
        cwd: root,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const readyUrl = await untilReady(started, signal)
      return { url: readyUrl, key: await adminKey() }
    },
    async stop() {
      if (!started || started.exitCode !== null || started.signalCode !== null) return
      step('Stopping what was started')
      const ended = new Promise((done) => started?.once('exit', done))
      started.kill('SIGTERM')
      await ended
      step('Nothing is left running')
    },
  }
}

async function reach(
  url: string,
  adminKey: () => Promise<string>,
): Promise<{ url: string; key: string } | null> {
  try {
    await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1_000) })
  } catch {
    return null // nothing listens there: it is to be started
  }
  const key = await adminKey()
  const answer = await fetch(`${url}/api/settings`, { headers: { authorization: `Bearer ${key}` } })
  if (answer.ok) return { url, key }
  throw new Error(
    `Something else answers at ${url}, or with another key (${answer.status}). Set MILLRACE_ADMIN_KEY, or another PORT.`,
  )
}

async function untilReady(child: ChildProcess, signal: AbortSignal): Promise<string> {
  const { promise, resolve: ready, reject } = Promise.withResolvers<string>()
  const seen: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue
    createInterface({ input: stream }).on('line', (line) => {
      seen.push(line)
      const url = line.match(/^millrace ready (\S+)/)?.[1]
      if (url) ready(url)
      else detail(line)
    })
  }
  child.once('error', reject)
  child.once('exit', (code, ended) =>
    reject(new Error(`the start ended (${code ?? ended}): ${seen.at(-1) ?? 'it said nothing'}`)),
  )
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}
