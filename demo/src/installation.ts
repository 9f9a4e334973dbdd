import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type SpawnedInstallation, spawnInstallation } from '@millrace/infra'
import { detail, step } from './say.ts'

const root = resolve(import.meta.dirname, '..', '..')

export type Installation = {
  home: string
  /** Uses what runs already, else starts everything; resolves when requests are served. */
  start(signal: AbortSignal): Promise<{ url: string; key: string }>
  /** Ends what `start` started, and only that. */
  stop(): Promise<void>
}

export function findInstallation(env: NodeJS.ProcessEnv): Installation {
  const home = resolve(root, env.MILLRACE_HOME ?? '.millrace')
  const url = env.MILLRACE_URL ?? `http://${env.HOST ?? '127.0.0.1'}:${env.PORT ?? 8787}`
  let started: SpawnedInstallation | undefined
  return {
    home,
    async start(signal) {
      if (await answers(url)) {
        step(`Using the installation at ${url}`)
        return { url, key: await checkedKey(url, home, env) }
      }
      step('Starting MongoDB, NATS, MinIO, the API and an agent')
      started = await spawnInstallation({ home, env, report: detail, signal })
      return { url: started.url, key: started.adminKey }
    },
    async stop() {
      if (!started) return
      step('Stopping what was started')
      await started.stop()
      step('Nothing is left running')
    },
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1_000) }).then(
    () => true,
    () => false,
  )
}

async function checkedKey(url: string, home: string, env: NodeJS.ProcessEnv): Promise<string> {
  const key = env.MILLRACE_ADMIN_KEY ?? (await readFile(join(home, 'admin-key'), 'utf8')).trim()
  const answer = await fetch(`${url}/api/settings`, { headers: { authorization: `Bearer ${key}` } })
  if (answer.ok) return key
  throw new Error(
    `Something else answers at ${url}, or with another key (${answer.status}). Set MILLRACE_ADMIN_KEY, or another PORT.`,
  )
}
