import type { RunId } from '@millrace/shared'
import type { QueueDoc } from '../../store/documents/queue.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { rankOf } from './rank.ts'

/** An entry for a run that may be claimed, from `until` on. */
export function newEntry(task: TaskDoc, run: RunId, now: Date, until: Date | null): QueueDoc {
  return {
    _id: run,
    rev: 1,
    task: task._id,
    module: task.module,
    version: task.version,
    priority: task.priority,
    rank: rankOf({ priority: task.priority, place: task.place, queuedAt: now, task: task._id }),
    concurrencyKey: task.concurrencyKey,
    concurrencyLimit: task.concurrencyLimit,
    queuedAt: now,
    state: until ? 'parked' : 'open',
    until,
    slot: null,
  }
}
