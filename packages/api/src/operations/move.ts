import { type TaskStatus, taskMoves } from '@millrace/shared'
import type { TaskDoc } from '../store/documents/task.ts'

const longestHistory = 200

/** The task in its next state. Throws on a move that the table does not know: that is our own bug. */
export function move(task: TaskDoc, status: TaskStatus, now: Date, changes: Partial<TaskDoc>): TaskDoc {
  if (!taskMoves[task.status].includes(status))
    throw new Error(`illegal move of a task: ${task.status} → ${status}`)
  const moved = { ...task, ...changes, status, updatedAt: now }
  return {
    ...moved,
    history: [...task.history, { status, attempt: moved.attempt, at: now }].slice(-longestHistory),
  }
}
