import { type FinishAnswer, type FinishReport, parseRunId, type RunId } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import type { Change } from '../store/collection.ts'
import type { AgentDoc } from '../store/documents/agent.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { endRun } from './settle/end-run.ts'
import { settle } from './settle/settle.ts'
import { storeResult, verifyOutputs } from './settle/verify-outputs.ts'
import { afterReport } from './task/after-report.ts'
import { reportedEnd, runStatus } from './task/run-end.ts'
import { isCurrent, isExpiredButFree } from './task/transitions.ts'

/** A run reports how it ended. `stale` when it is no longer the task's run: nothing happens then. */
export async function finish(
  deps: Deps,
  asking: Promise<AgentDoc>,
  run: RunId,
  report: FinishReport,
): Promise<FinishAnswer> {
  const [agent, found] = await Promise.all([asking, taskOf(deps, run)])
  // Whatever an earlier write left open is carried out first.
  const before = found?.settle ? await settle(deps, found) : found
  if (!before || before.agentId !== agent._id) return { stale: true }
  if (before.appliedRun === run) return { applied: true }
  if (!takesEffect(before, run)) return { stale: true }
  await verifyOutputs(deps, before, run, report)
  const result = storeResult(before, report)
  const change = await deps.store.tasks.change(before, (task) =>
    afterReport(task, { run, report, result }, deps.clock.now(), deps.random()),
  )
  if (!change) return lateAnswer(deps, run, report)
  deps.failpoint('finish.written')
  tell(deps, change, agent, run, report)
  await settle(deps, change.after)
  return { applied: true }
}

/** Whoever keeps figures, and whoever follows a request through the logs. */
function tell(
  deps: Deps,
  { before, after }: Change<TaskDoc>,
  agent: AgentDoc,
  run: RunId,
  report: FinishReport,
): void {
  const { module, requestId: origin } = after
  if (before.startedAt) {
    const seconds = (deps.clock.now().getTime() - before.startedAt.getTime()) / 1000
    deps.meter.runEnded({ module, status: runStatus[report.outcome] }, seconds)
  }
  // What others promise their runs must not follow from what anybody says.
  if (agent.trusted) deps.peaks.note(deps, before, report)
  deps.logger.info({ run, outcome: report.outcome, status: after.status, origin }, 'finished')
}

const taskOf = (deps: Deps, run: RunId): Promise<TaskDoc | null> => deps.store.tasks.get(parseRunId(run).task)

/** Of the current run, or of one that expired while no agent claimed the next attempt. */
const takesEffect = (task: TaskDoc, run: RunId): boolean =>
  isCurrent(task, run) || isExpiredButFree(task, run)

/** The write found nothing to do: applied already by a duplicate of this request, a late failure, or stale. */
async function lateAnswer(deps: Deps, run: RunId, report: FinishReport): Promise<FinishAnswer> {
  const task = await taskOf(deps, run)
  if (!task) return { stale: true }
  if (task.appliedRun === run) return { applied: true }
  if (!isExpiredButFree(task, run)) return { stale: true }
  await endRun(deps, task, run, reportedEnd(report, task.startedAt, deps.clock.now()), task.currentRun)
  return { applied: true }
}
