import { runIdOf } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { announceTask, publishToken } from '../events/announce.ts'
import { newEntry } from '../queue/new-entry.ts'
import { releaseRun } from '../queue/slots.ts'
import { newRun } from '../task/new-run.ts'
import { clearMarker } from './clear-marker.ts'
import { endRun } from './end-run.ts'

/** After an attempt that did not count as the last: the old run ends, the next attempt waits for a claim. */
export async function settleRequeue(deps: Deps, task: TaskDoc): Promise<TaskDoc> {
  const marker = task.settle
  if (marker?.kind !== 'requeue') return task
  const next = runIdOf(task._id, task.attempt)
  const now = deps.clock.now()
  await endRun(deps, task, marker.run, marker.end, next)
  deps.failpoint('requeue.old-run-written')
  await deps.store.runs.insert(newRun(task, next, now))
  deps.failpoint('requeue.run-created')
  const until = marker.until && marker.until > now ? marker.until : null
  await deps.store.queue.insert(newEntry(task, next, now, until))
  await deps.store.queue.remove(marker.run)
  deps.failpoint('requeue.entry-created')
  await releaseRun(deps, task, marker.run)
  deps.failpoint('requeue.slots-released')
  const cleared = await clearMarker(deps, task, 'requeue.cleared')
  if (!until) publishToken(deps, task.module)
  announceTask(deps, task)
  return cleared
}
