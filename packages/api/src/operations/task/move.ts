import { type TaskStatus, taskMoves } from '@millrace/shared'
import type { TaskDoc } from '../../store/documents/task.ts'

const longestHistory = 200

/** The task in its next state, in the queue only where `changes` has an entry. An illegal transition throws; it indicates a bug. */
export function move(task: TaskDoc, status: TaskStatus, now: Date, changes: Partial<TaskDoc>): TaskDoc {
  if (!taskMoves[task.status].includes(status))
    throw new Error(`illegal move of a task: ${task.status} → ${status}`)
  const moved = { ...task, entry: null, ...changes, status, updatedAt: now }
  const n = (task.history.at(-1)?.n ?? task.history.length) + 1
  return {
    ...moved,
    history: [...task.history, { n, status, attempt: moved.attempt, run: moved.currentRun, at: now }].slice(
      -longestHistory,
    ),
  }
}
