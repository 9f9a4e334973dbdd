import type { RunId } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { announceTask } from '../events/announce.ts'
import { holdAnyway } from '../queue/slots.ts'
import { move } from '../task/move.ts'
import { clearMarker } from './clear-marker.ts'
import { cancelWaitingRun } from './run-end.ts'

/** A run that was thought lost is still being worked on, and nobody claimed the next attempt: it goes on. */
export function decideResume(task: TaskDoc, agent: AgentDoc, run: RunId, now: Date): TaskDoc | null {
  if (
    task.status !== 'queued' ||
    task.settle ||
    task.lostRun !== run ||
    task.agentId !== agent._id ||
    !task.currentRun
  )
    return null
  return move(task, 'running', now, {
    currentRun: run,
    lostRun: null,
    sessionId: agent.sessionId,
    settle: { kind: 'resume', run, waiting: task.currentRun },
  })
}

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
