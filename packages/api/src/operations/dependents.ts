import type { DataId, TaskId } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import type { TaskDoc } from '../store/documents.ts'
import { admit } from './admit.ts'

const atOnce = 500

/**
 * Something ended: the tasks that wait for it look again for themselves; they are never told an outcome.
 * Returns those that ended because of what they saw; each has an open marker of its own.
 */
export async function admitDependents(
  deps: Deps,
  upstreams: readonly (DataId | TaskId)[],
): Promise<TaskDoc[]> {
  const ended: TaskDoc[] = []
  for (;;) {
    const waiting = await deps.store.tasks.find({ waitingFor: { $in: [...upstreams] } }, { limit: atOnce })
    let moved = 0
    for (const dependent of waiting) {
      const admitted = await admit(deps, dependent)
      if (admitted.rev !== dependent.rev) moved += 1
      if (admitted.settle?.kind === 'terminal') ended.push(admitted)
    }
    if (waiting.length < atOnce || moved === 0) return ended
  }
}
