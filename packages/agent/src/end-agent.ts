import { finishesWithin } from '@millrace/std/time'
import type { Agent } from './assembly/assemble.ts'

/** Together less than the ten seconds after which service managers kill. */
const grace = { claimMs: 1500, runsMs: 5000, reportMs: 1000, restMs: 500 }

/** Stops claiming; lets runs end or hands them back; reports results or leaves them in the spool; then closes all parts. */
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
  // The watchdog kills the processes that it still watches.
  const closing = [
    agent.programs.close(),
    agent.watchdog.close(),
    agent.local.then((server) => server.close()),
  ]
  await finishesWithin(grace.restMs, Promise.all(closing))
  await agent.home.release()
}
