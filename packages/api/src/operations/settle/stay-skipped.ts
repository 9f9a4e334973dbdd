import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { decideAdmission } from '../task/admission.ts'
import { unskipped } from '../task/fresh-round.ts'
import { readUpstreams } from './upstreams.ts'

/**
 * The last write of the settle of a skipped task. If an upstream was retried since its admission looked, the task begins
 * a fresh round instead of ending. The write holds for exactly what was read: an upstream that is retried either finds the
 * task without a marker and revives it, or touches it, and this function reads it again.
 */
export async function staySkipped(ports: Ports, from: TaskDoc): Promise<TaskDoc> {
  let task: TaskDoc | null = from
  while (task?.settle?.kind === 'terminal' && task.round === from.round) {
    const looked: TaskDoc = task
    const stays = decideAdmission(looked, await readUpstreams(ports, looked)).kind === 'end'
    const next = stays ? { ...looked, settle: null } : unskipped(looked, ports.clock.now())
    const change = await ports.store.tasks.followUp.change(looked, (current) =>
      current.rev === looked.rev ? next : null,
    )
    if (change) {
      ports.failpoint('settle.cleared')
      return change.after
    }
    task = await ports.store.tasks.get(from._id)
  }
  return task ?? { ...from, settle: null }
}
