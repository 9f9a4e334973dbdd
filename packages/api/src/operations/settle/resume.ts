import type { Deps } from '../../deps.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { announceTask } from '../events/announce.ts'
import { cancelWaitingRun } from '../queue/remove-unclaimed.ts'
import { holdAnyway } from '../queue/slots.ts'
import { clearMarker } from './clear-marker.ts'

/** An expired run goes on: the attempt that waits in its place is taken out of the queue again. */
export async function settleResume(deps: Deps, task: TaskDoc): Promise<TaskDoc> {
  const marker = task.settle
  if (marker?.kind !== 'resume') return task
  const now = deps.clock.now()
  await cancelWaitingRun(deps, marker.waiting, now)
  await deps.store.runs.change(marker.run, (run) =>
    run.status === 'lost'
      ? {
          ...run,
          status: 'running',
          error: null,
          finishedAt: null,
          endedAt: null,
          nextRun: null,
          archive: 'none',
        }
      : null,
  )
  deps.failpoint('resume.waiting-run-cancelled')
  await deps.store.queue.remove(marker.waiting)
  deps.failpoint('resume.entry-removed')
  if (task.agentId) {
    await holdAnyway(deps, task, {
      run: marker.run,
      claimId: task.claimId ?? '',
      agent: task.agentId,
      at: now,
      attempt: 'resumed',
    })
  }
  deps.failpoint('resume.slots-taken')
  const cleared = await clearMarker(deps, task, 'resume.cleared')
  announceTask(deps, task)
  return cleared
}
