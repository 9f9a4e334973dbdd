import { parseRunId } from '@millrace/shared'
import { release } from '../operations/queue/slots.ts'
import { isBusy } from '../operations/task/transitions.ts'
import type { Ports } from '../ports.ts'
import type { Holder } from '../store/documents/queue.ts'
import type { TaskDoc } from '../store/documents/task.ts'

const patienceMs = 30_000
const atOnce = 100

/** Releases slots of claims that assigned no run, and of runs that are no longer their task's current run. */
export async function removeStaleHolders(ports: Ports): Promise<void> {
  const before = ports.clock.now().getTime() - patienceMs
  for (const slot of await ports.store.slots.find({ 'holders.0': { $exists: true } }, { limit: atOnce })) {
    const old = slot.holders.filter((holder) => holder.at.getTime() < before)
    const tasks = new Map(
      (await ports.store.tasks.many(old.map((holder) => parseRunId(holder.run).task))).map((task) => [
        task._id,
        task,
      ]),
    )
    const stale = old.filter((holder) => {
      const task = tasks.get(parseRunId(holder.run).task)
      if (!task) return true
      const own = slot.holders.filter((one) => holds(task, one))
      // A duplicate claim whose process died holds two slots: release one.
      return (!isBusy(task) && !holds(task, holder)) || own.indexOf(holder) > 0
    })
    if (stale.length > 0)
      await release(ports, [slot._id], (holder) => stale.some((one) => isSame(one, holder)))
  }
}

const holds = (task: TaskDoc, { run, claimId }: Holder): boolean =>
  task.status === 'running' && task.currentRun === run && task.claimId === claimId

const isSame = (a: Holder, b: Holder): boolean =>
  a.run === b.run && a.claimId === b.claimId && a.attempt === b.attempt
