import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type SpawnedInstallation, spawnInstallation } from '@millrace/infra'
import type { DemoLog } from './log.ts'

const root = resolve(import.meta.dirname, '..', '..')

/** `complete` resolves when the object store answers too. */
type Reached = { url: string; key: string; complete: Promise<unknown> }
type Starting = { log: DemoLog; only: string; signal: AbortSignal }

export type Installation = {
  home: string
  /** Uses a running installation, else starts one with one module; resolves when the API serves requests. */
  start(starting: Starting): Promise<Reached>
  /** Ends the processes that `start` started, and no others. */
  stop(log: DemoLog): Promise<void>
}

export function findInstallation(env: NodeJS.ProcessEnv): Installation {
  const home = resolve(root, env.MILLRACE_HOME ?? '.millrace')
  const url = env.MILLRACE_URL ?? `http://${env.HOST ?? '127.0.0.1'}:${env.PORT ?? 8787}`
  let started: Promise<SpawnedInstallation> | undefined
  return {
    home,
    async start({ log, only, signal }) {
      if (await answers(url)) {
        log.report(`Using the installation at ${url}`)
        return { url, key: await checkedKey(url, home, env), complete: Promise.resolve() }
      }
      const apiRuns = Promise.withResolvers<void>()
      const limited = { ...env, ONLY_MODULES: env.ONLY_MODULES ?? only }
      started = spawnInstallation({
        home,
        env: limited,
        signal,
        report(news) {
          if (typeof news === 'string') return log.detail(news)
          log.report(news)
          if (news.step === 'API and agent' && news.state === 'done') apiRuns.resolve()
        },
      })
      await Promise.race([apiRuns.promise, started])
      return { url, key: await keyOf(home, env), complete: started }
    },
    async stop(log) {
      const running = await started?.catch(() => undefined) // a failed start has ended its processes itself
      started = undefined
      if (!running) return
      log.report({ step: 'Stopping', state: 'running', text: 'everything that was started' })
      await running.stop()
      log.report({ step: 'Stopping', state: 'done', text: 'everything has ended' })
    },
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1_000) }).then(
    () => true,
    () => false,
  )
}

async function keyOf(home: string, env: NodeJS.ProcessEnv): Promise<string> {
  return env.MILLRACE_ADMIN_KEY ?? (await readFile(join(home, 'admin-key'), 'utf8')).trim()
}

async function checkedKey(url: string, home: string, env: NodeJS.ProcessEnv): Promise<string> {
  const key = await keyOf(home, env)
  const answer = await fetch(`${url}/api/settings`, { headers: { authorization: `Bearer ${key}` } })
  if (answer.ok) return key
  throw new Error(
    `Something else answers at ${url}, or with another key (${answer.status}). Set MILLRACE_ADMIN_KEY, or another PORT.`,
  )
}
