import { finishesWithin } from '@millrace/std/time'
import type { Agent } from './assembly/assemble.ts'

/** Together below the ten seconds that service managers wait before they kill. */
const grace = { claimMs: 1500, runsMs: 5000, reportMs: 1000, restMs: 500 }

/** No new work; runs end or are handed back; results are reported or stay in the spool; then everything closes. */
export async function endAgent(
  agent: Agent,
  reason: 'shutdown' | 'superseded',
  hurry: Promise<void>,
): Promise<void> {
  const { runs, warm, transport, reporter } = agent
  agent.unfollow()
  agent.offering.setAccepting(false)
  agent.ledger.evictIdle()
  agent.pause.close()
  const working = transport.stopClaiming()
  if (reason === 'shutdown')
    await finishesWithin(agent.config.stopGraceSeconds * 1000, Promise.race([runs.idle(), hurry]))
  const ending = runs.end(reason).then(() => warm.close())
  await finishesWithin(grace.claimMs, working)
  await finishesWithin(grace.runsMs, ending)
  if (reason === 'shutdown') await finishesWithin(grace.reportMs, reporter.idle())
  agent.life.abort()
  const last = [
    working,
    ending,
    reporter.idle(),
    agent.inventory.close(),
    agent.installLogs.close(),
    transport.close(),
  ]
  await finishesWithin(grace.restMs, Promise.all(last))
  // What it watches still is killed with it.
  const closing = [
    agent.programs.close(),
    agent.watchdog.close(),
    agent.local.then((server) => server.close()),
  ]
  await finishesWithin(grace.restMs, Promise.all(closing))
  await agent.home.release()
}
