import type { Ledger } from './admission/ledger.ts'
import { within } from './backoff.ts'
import type { InstallLogs } from './control-plane/install-logs.ts'
import type { Inventory } from './control-plane/inventory.ts'
import type { Home } from './home/home.ts'
import type { PauseController } from './pause/pause-controller.ts'
import type { Watchdog } from './process/stop/watchdog.ts'
import type { Reporter } from './report/reporter.ts'
import type { Offering } from './runs/offering.ts'
import type { Runs } from './runs/runs.ts'
import type { Transport } from './transport/transport.ts'
import type { WarmPool } from './warm/warm-pool.ts'

/** All that has to end, or to be told, when an agent does. */
export type AgentToEnd = {
  offering: Offering
  ledger: Ledger
  rest: PauseController
  transport: Transport
  runs: Runs
  warm: WarmPool
  reporter: Reporter
  inventory: Inventory
  installLogs: InstallLogs
  programs: { close(): Promise<void> }
  watchdog: Watchdog
  local: Promise<{ close(): Promise<void> }>
  home: Home
  /** Aborted when there is nobody left who waits for an answer. */
  life: AbortController
  /** Runs may end by themselves for so long, unless somebody is in a hurry. */
  graceSeconds: number
  hurry: Promise<void>
}

/** Together below the ten seconds that service managers wait before they kill. */
const grace = { claimMs: 1500, runsMs: 5000, reportMs: 1000, restMs: 500 }

/** No new work; runs end or are handed back; results are reported or stay in the spool; then everything closes. */
export async function endAgent(agent: AgentToEnd, reason: 'shutdown' | 'superseded'): Promise<void> {
  const { runs, warm, transport, reporter } = agent
  agent.offering.setAccepting(false)
  agent.ledger.evictIdle()
  agent.rest.close()
  const working = transport.stopClaiming()
  if (reason === 'shutdown') await within(agent.graceSeconds * 1000, Promise.race([runs.idle(), agent.hurry]))
  const ending = runs.end(reason).then(() => warm.close())
  await within(grace.claimMs, working)
  await within(grace.runsMs, ending)
  if (reason === 'shutdown') await within(grace.reportMs, reporter.idle())
  agent.life.abort()
  const last = [
    working,
    ending,
    reporter.idle(),
    agent.inventory.close(),
    agent.installLogs.close(),
    transport.close(),
  ]
  await within(grace.restMs, Promise.all(last))
  // What it watches still is killed with it.
  const closing = [
    agent.programs.close(),
    agent.watchdog.close(),
    agent.local.then((server) => server.close()),
  ]
  await within(grace.restMs, Promise.all(closing))
  await agent.home.release()
}
