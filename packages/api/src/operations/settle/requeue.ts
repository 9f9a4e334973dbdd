import { runIdOf } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { announceTask, publishToken } from '../events/announce.ts'
import { newEntry } from '../queue/new-entry.ts'
import { releaseRun } from '../queue/slots.ts'
import { newRun } from '../task/new-run.ts'
import { clearMarker } from './clear-marker.ts'
import { endRun } from './end-run.ts'

/** Ends the old run and queues the next attempt. */
export async function settleRequeue(ports: Ports, task: TaskDoc): Promise<TaskDoc> {
  const marker = task.settle
  if (marker?.kind !== 'requeue') return task
  const next = runIdOf(task._id, task.attempt)
  const now = ports.clock.now()
  await endRun(ports, task, marker.run, { ...marker.end, nextRun: next })
  ports.failpoint('requeue.old-run-written')
  await ports.store.runs.insert(newRun(task, next, now))
  ports.failpoint('requeue.run-created')
  const until = marker.until && marker.until > now ? marker.until : null
  await ports.store.queue.insert(newEntry(task, next, now, until))
  await ports.store.queue.remove(marker.run)
  ports.failpoint('requeue.entry-created')
  await releaseRun(ports, task, marker.run)
  ports.failpoint('requeue.slots-released')
  const cleared = await clearMarker(ports, task, 'requeue.cleared')
  if (!until) publishToken(ports, task.module)
  announceTask(ports, task)
  return cleared
}
