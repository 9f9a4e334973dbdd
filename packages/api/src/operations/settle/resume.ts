import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { announceTask } from '../events/announce.ts'
import { holdAnyway } from '../queue/slots.ts'
import { cancelWaitingRun } from './cancel-waiting-run.ts'
import { clearMarker } from './clear-marker.ts'

/** Cancels the waiting run, because the expired one continues. */
export async function settleResume(ports: Ports, task: TaskDoc): Promise<TaskDoc> {
  const marker = task.settle
  if (marker?.kind !== 'resume') return task
  const now = ports.clock.now()
  await cancelWaitingRun(ports, marker.waiting, now)
  await ports.store.runs.change(marker.run, (run) =>
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
  ports.failpoint('resume.waiting-run-cancelled')
  if (task.agentId) {
    await holdAnyway(ports, task, {
      run: marker.run,
      claimId: task.claimId ?? '',
      agent: task.agentId,
      at: now,
      attempt: 'resumed',
    })
  }
  ports.failpoint('resume.slots-taken')
  const cleared = await clearMarker(ports, task, 'resume.cleared')
  announceTask(ports, task)
  return cleared
}
