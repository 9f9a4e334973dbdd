import { runIdOf } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { announceQueued } from '../events/announce.ts'
import { releaseRun } from '../queue/slots.ts'
import { newRun } from '../task/new-run.ts'
import { clearMarker } from './clear-marker.ts'
import { createOutputs } from './create-records.ts'
import { endRun } from './end-run.ts'

/** Ends the old run, creates the next one, and releases the slots. */
export async function settleRequeue(ports: Ports, task: TaskDoc): Promise<TaskDoc> {
  const marker = task.settle
  if (marker?.kind !== 'requeue') return task
  if (marker.unsure) await createOutputs(ports, [task])
  const next = runIdOf(task._id, task.attempt)
  await endRun(ports, task, marker.run, { ...marker.end, nextRun: next })
  ports.failpoint('requeue.old-run-written')
  await ports.store.runs.insert(newRun(task, next, ports.clock.now()))
  ports.failpoint('requeue.run-created')
  await releaseRun(ports, task, marker.run)
  ports.failpoint('requeue.slots-released')
  const cleared = await clearMarker(ports, task, 'requeue.cleared')
  announceQueued(ports, task)
  return cleared
}
