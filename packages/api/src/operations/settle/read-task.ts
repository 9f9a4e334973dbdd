import type { TaskId } from '@millrace/shared'
import type { TaskDoc } from '../../store/documents/task.ts'
import { outputsOf, settleOutputs } from './outputs.ts'
import type { SettlePorts } from './ports.ts'
import { settle } from './settle.ts'
import { findTask } from './staged.ts'

/**
 * A task is never seen `succeeded` with outputs that are not there: a reader finishes that part first. `endedAt`: when
 * it was heard to have ended, which is told once its outputs are written.
 */
export async function readTask(
  ports: SettlePorts,
  id: TaskId,
  { known, endedAt }: { known?: TaskDoc; endedAt?: string } = {},
): Promise<TaskDoc | null> {
  const told = ports.ending.get(id)
  if (told && told.updatedAt.toISOString() === endedAt) return told
  // Which outputs it has never changes: who knew the task before reads both at once.
  const ahead = known && endedAt === undefined
  const [task, outputs] = await Promise.all([
    findTask(ports, id),
    ahead ? outputsOf(ports, known) : undefined,
  ])
  if (task?.settle?.kind === 'batch') return settle(ports, task)
  if (task?.settle?.kind === 'terminal' && task.updatedAt.toISOString() !== endedAt)
    await settleOutputs(ports, task, outputs)
  return task
}
