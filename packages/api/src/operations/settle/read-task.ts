import type { TaskId } from '@millrace/shared'
import type { TaskDoc } from '../../store/documents/task.ts'
import { outputsOf, settleOutputs } from './outputs.ts'
import type { SettlePorts } from './ports.ts'
import { settle } from './settle.ts'
import { findTask } from './staged.ts'

/**
 * Reads a task. A reader never gets `succeeded` before the outputs exist: it settles them first. `endedAt` is the time in
 * the event that announced the end, which is sent after the outputs are written.
 */
export async function readTask(
  ports: SettlePorts,
  id: TaskId,
  { known, endedAt }: { known?: TaskDoc; endedAt?: string } = {},
): Promise<TaskDoc | null> {
  const announced = ports.ending.get(id)
  if (announced && announced.updatedAt.toISOString() === endedAt) return announced
  // A task keeps its outputs: for a caller with an earlier version, read both at once.
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
