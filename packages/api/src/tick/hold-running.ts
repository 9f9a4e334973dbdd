import { globalSlot, holdAnyway } from '../operations/queue/slots.ts'
import { isBusy } from '../operations/task/transitions.ts'
import type { Ports } from '../ports.ts'
import { onceAMinute } from './once-a-minute.ts'

const atOnce = 1_000
/** A claim takes its slots before it writes: an older run without slots has lost them. */
const patienceMs = 60_000

/**
 * Gives running tasks their slots back. A claim that hangs for half a minute before its last write loses them to
 * `removeStaleHolders`; its run would count against no limit, and would not expire with its agent.
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
    if (!run || !agent || isBusy(task) || held.has(run)) continue
    if (!startedAt || now.getTime() - startedAt.getTime() < patienceMs) continue
    ports.logger.warn({ run, agent }, 'a running task had lost its slots; restoring them')
    await holdAnyway(ports, task, { run, agent, claimId: task.claimId ?? '', at: now, attempt: 'given back' })
  }
})
