import { parseRunId } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { release } from '../operations/slots.ts'

const patienceMs = 30_000
const atOnce = 100

/** Places held by a claim that came to nothing, or for a run that is no longer its task's. */
export async function removeStaleHolders(deps: Deps): Promise<void> {
  const before = deps.clock.now().getTime() - patienceMs
  for (const slot of await deps.store.slots.find({ 'holders.0': { $exists: true } }, { limit: atOnce })) {
    const old = slot.holders.filter((holder) => holder.at.getTime() < before)
    const tasks = new Map(
      (await deps.store.tasks.many(old.map((holder) => parseRunId(holder.run).task))).map((task) => [
        task._id,
        task,
      ]),
    )
    const stale = old.filter((holder) => {
      const task = tasks.get(parseRunId(holder.run).task)
      return (
        !task ||
        (task.settle === null &&
          !(task.status === 'running' && task.currentRun === holder.run && task.claimId === holder.claimId))
      )
    })
    if (stale.length > 0) {
      await release(deps, [slot._id], (holder) =>
        stale.some((one) => one.run === holder.run && one.claimId === holder.claimId),
      )
    }
  }
}
