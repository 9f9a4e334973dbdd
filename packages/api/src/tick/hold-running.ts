import { globalSlot, holdAnyway } from '../operations/queue/slots.ts'
import type { Ports } from '../ports.ts'
import { onceAMinute } from './once-a-minute.ts'

const atOnce = 1_000
/** Whoever claims has his places before he writes: what is older and holds none has lost them. */
const patienceMs = 60_000

/**
 * Gives running tasks their places back. A claim that hangs for half a minute on the way to its last write loses them to
 * the clearing up, and its run would count against no limit, nor be missed when its agent dies.
 */
export const holdRunning = onceAMinute('hold-running', async (ports: Ports) => {
  const now = ports.clock.now()
  const [running, slot] = await Promise.all([
    ports.store.tasks.find({ status: 'running' }, { limit: atOnce }),
    ports.store.slots.get(globalSlot),
  ])
  const held = new Set(slot?.holders.map(({ run }) => run))
  for (const task of running) {
    const { currentRun: run, agentId: agent, startedAt } = task
    if (!run || !agent || task.settle || held.has(run)) continue
    if (!startedAt || now.getTime() - startedAt.getTime() < patienceMs) continue
    ports.logger.warn({ run, agent }, 'a running task had lost its places; they are given back')
    await holdAnyway(ports, task, { run, agent, claimId: task.claimId ?? '', at: now, attempt: 'given back' })
  }
})
