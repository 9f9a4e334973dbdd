import { setTimeout as delay } from 'node:timers/promises'
import { isFree } from '../home/port.ts'
import { type Kept, keepRunning, type Life } from '../processes/keep-running.ts'
import { agentEnvironment, apiEnvironment } from './environments.ts'
import { uvForAgent } from './installer.ts'
import { startNodeProcess } from './node-process.ts'
import type { Settings } from './settings.ts'
import type { Supervision } from './supervision.ts'

const readyWithinMs = 60_000

class PortTaken extends Error {
  override name = 'PortTaken'
  constructor({ host, port }: Settings, by: string) {
    super(`port ${port} on ${host} is in use${by}; choose another with PORT=`)
  }
}

/** Checks before any download that the API can listen on its port. */
export async function expectFreePort(settings: Settings): Promise<void> {
  if (await isFree(settings.port, settings.host)) return
  throw new PortTaken(settings, (await isMillrace(settings.url)) ? ' by another Millrace' : '')
}

async function isMillrace(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/openapi.json`, { signal: AbortSignal.timeout(2000) })
    return answer.ok && /Millrace/.test(await answer.text())
  } catch {
    return false // something that does not speak HTTP
  }
}

export async function superviseApi(
  { settings, watchdog, report, stopping }: Supervision,
  servers: Record<string, string>,
  adminKey: string,
): Promise<Kept<Life>> {
  const env = apiEnvironment(settings, servers, adminKey)
  const start = () =>
    startNodeProcess({
      name: 'api',
      entry: settings.apiEntry,
      env,
      home: settings.home,
      patienceMs: 4000,
      order: 1,
      watchdog,
      report,
    })
  const first = await start()
  try {
    await untilReady(settings.url, first, stopping)
  } catch (error) {
    await first.stop()
    throw error
  }
  return keepRunning('api', first, start, report)
}

export async function superviseAgent(
  supervision: Supervision,
  url: string,
  key: string,
): Promise<Kept<Life>> {
  const { settings, watchdog, report } = supervision
  const env = agentEnvironment(settings, url, key)
  const uv = await uvForAgent(supervision)
  if (uv) env.MILLRACE_UV = uv
  const start = () =>
    startNodeProcess({
      name: 'agent',
      entry: settings.agentEntry,
      env,
      home: settings.home,
      patienceMs: 8000,
      order: 0,
      watchdog,
      report,
    })
  return keepRunning('agent', await start(), start, report)
}

async function untilReady(url: string, api: Life, stopping: AbortSignal): Promise<void> {
  const deadline = Date.now() + readyWithinMs
  let ended = false
  void api.ended.then(() => {
    ended = true
  })
  let last = 'no answer'
  while (Date.now() < deadline) {
    if (ended) throw new Error('the API ended while starting; its log says why')
    stopping.throwIfAborted()
    last = await readiness(url)
    if (last === 'ready') return
    await Promise.race([delay(50), api.ended])
  }
  throw new Error(`the API is not ready after ${readyWithinMs / 1000} s: ${last}`)
}

async function readiness(url: string): Promise<string> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) })
    const text = await answer.text()
    return answer.status === 200 ? 'ready' : `${answer.status} ${text.slice(0, 300)}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
