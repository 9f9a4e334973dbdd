import type { Deps } from '../deps.ts'
import { globalSlot, holdAnyway } from '../operations/queue/slots.ts'
import { onceAMinute } from './once-a-minute.ts'

const atOnce = 1_000
/** Whoever claims has his places before he writes: what is older and holds none has lost them. */
const patienceMs = 60_000

/**
 * Gives running tasks their places back. A claim that hangs for half a minute on the way to its last write loses them to
 * the clearing up, and its run would count against no limit, nor be missed when its agent dies.
 */
export const holdRunning = onceAMinute('hold-running', async (deps: Deps) => {
  const now = deps.clock.now()
  const [running, slot] = await Promise.all([
    deps.store.tasks.find({ status: 'running' }, { limit: atOnce }),
    deps.store.slots.get(globalSlot),
  ])
  const held = new Set(slot?.holders.map(({ run }) => run))
  for (const task of running) {
    const { currentRun: run, agentId: agent, startedAt } = task
    if (!run || !agent || task.settle || held.has(run)) continue
    if (!startedAt || now.getTime() - startedAt.getTime() < patienceMs) continue
    deps.logger.warn({ run, agent }, 'a running task had lost its places; they are given back')
    await holdAnyway(deps, task, { run, agent, claimId: task.claimId ?? '', at: now, attempt: 'given back' })
  }
})
