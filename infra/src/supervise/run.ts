import { once } from 'node:events'
import { join } from 'node:path'
import { readIfThere, writeSecretFile } from '../home/secret-file.ts'
import { expectUnclaimed } from '../processes/claim.ts'
import { startWatchdog, type Watchdog } from '../processes/watchdog.ts'
import type { Report } from '../report/report.ts'
import { beginServers, type Servers, serverNames, startServers } from '../servers/start-servers.ts'
import { noteEnding, untilPreviousHasEnded } from './ending.ts'
import { envLines, mergeServers, parseEnvLines, serverEnvironment, serversFile } from './environments.ts'
import { adminKey, agentKey, keptAgentKey } from './keys.ts'
import { expectFreePort, superviseAgent, superviseApi } from './parts.ts'
import { preflight } from './preflight.ts'
import type { Settings } from './settings.ts'
import type { Supervision } from './supervision.ts'

export type Part = 'all' | 'servers' | 'api' | 'agent'
type Stop = (hurry?: AbortSignal) => Promise<void>

export type Run = {
  settings: Settings
  report: Report
  /** First signal: end everything in order. */
  stopping: AbortSignal
  /** Second signal: do not wait for it. */
  hurry: AbortSignal
}

/** Runs a part of Millrace, or all of it, until `stopping`; then ends it, the last started first. */
export async function run(part: Part, { settings, report, stopping, hurry }: Run): Promise<void> {
  const watchdog: Watchdog = startWatchdog()
  const stops: Stop[] = []
  try {
    report(`data and logs: ${settings.home}`)
    await preflight(settings, report)
    await untilPreviousHasEnded(settings.home, report, stopping)
    await parts[part]({ settings, watchdog, report, stopping }, (stop) => stops.push(stop))
    await aborted(stopping)
  } catch (error) {
    if (!stopping.aborted) throw error // a stop during the start is no failure
  } finally {
    const ended = await noteEnding(settings.home)
    if (stopping.aborted) report('stopping')
    for (const stop of stops.reverse()) await stop(hurry)
    await ended()
    if (stopping.aborted) report('everything has ended')
    watchdog.close()
  }
}

type RunPart = (supervision: Supervision, started: (stop: Stop) => void) => Promise<void>

const parts: Record<Part, RunPart> = {
  async all(supervision, started) {
    const { settings, report, stopping } = supervision
    await expectUnclaimed(settings.home, 'api')
    for (const server of serverNames) await expectUnclaimed(settings.home, server, 'servers')
    await expectFreePort(settings)
    // A store may still be building while everything else starts.
    const servers = await runServers(beginServers, supervision, started)
    stopping.throwIfAborted()
    const { key, file } = await adminKey(settings)
    const step = 'API and agent'
    report({ step, state: 'running', text: 'starting' })
    const api = await superviseApi(supervision, servers.env, key)
    started(api.stop)
    stopping.throwIfAborted()
    const agent = await superviseAgent(
      supervision,
      settings.url,
      await agentKey(settings.home, settings.url, key),
    )
    started(agent.stop)
    report({ step, state: 'done', text: `running at ${settings.url}` })
    await servers.complete
    reportServers(servers, report)
    if (file) report(`admin key: ${file}`)
    report(`millrace ready ${settings.url}`)
  },

  async servers(supervision, started) {
    const servers = await runServers(startServers, supervision, started)
    reportServers(servers, supervision.report)
    supervision.report(`millrace servers ready ${serversFile(supervision.settings.home)}`)
  },

  async api(supervision, started) {
    const { settings, report } = supervision
    await expectUnclaimed(settings.home, 'api')
    await expectFreePort(settings)
    const kept = parseEnvLines((await readIfThere(serversFile(settings.home))) ?? '')
    const { key, file } = await adminKey(settings)
    const api = await superviseApi(supervision, mergeServers(kept, settings.env), key)
    started(api.stop)
    if (file) report(`admin key: ${file}`)
    report(`millrace ready ${settings.url}`)
  },

  async agent(supervision, started) {
    const { settings, report } = supervision
    const url = settings.env.MILLRACE_URL || settings.url
    const agent = await superviseAgent(supervision, url, await keyForAgentAlone(settings, url))
    started(agent.stop)
    report(`millrace agent started for ${url}`)
  },
}

async function runServers(
  start: typeof startServers,
  { settings, watchdog, report, stopping }: Supervision,
  started: (stop: Stop) => void,
): Promise<Servers> {
  const env = serverEnvironment(settings)
  const servers = await start({ home: settings.home, env, report, watchdog, signal: stopping, restart: true })
  started(servers.stop)
  await writeSecretFile(serversFile(settings.home), envLines(servers.env))
  return servers
}

function reportServers({ servers }: Servers, report: Report): void {
  const names = { mongo: 'MongoDB', nats: 'NATS', store: 'object store' }
  for (const { name, source, pid } of servers) {
    const state = source === 'environment' ? 'as named in the environment' : `running, pid ${pid}`
    report(`${names[name]}: ${state}`)
  }
}

async function keyForAgentAlone(settings: Settings, url: string): Promise<string> {
  if (settings.env.MILLRACE_AGENT_KEY) return settings.env.MILLRACE_AGENT_KEY
  const admin = settings.adminKey ?? (await readIfThere(join(settings.home, 'admin-key')))?.trim()
  if (admin) return agentKey(settings.home, url, admin)
  const kept = await keptAgentKey(settings.home)
  if (kept) return kept
  throw new Error('set MILLRACE_URL and MILLRACE_AGENT_KEY (make a key with the scope "agent" on the server)')
}

/** Waiting for a signal does not keep a process alive, and with external servers nothing else may. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const alive = setInterval(() => undefined, 2 ** 30)
  await once(signal, 'abort')
  clearInterval(alive)
}
