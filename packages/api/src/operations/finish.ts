import { type FinishAnswer, type FinishReport, parseRunId, type RunId } from '@millrace/shared'
import type { Ports } from '../ports.ts'
import type { MeterPorts } from '../process/meter.ts'
import type { ObservedPeaks } from '../process/observed-peaks.ts'
import type { Change } from '../store/collection.ts'
import type { AgentDoc } from '../store/documents/agent.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { endRun } from './settle/end-run.ts'
import type { SettlePorts } from './settle/ports.ts'
import { settle } from './settle/settle.ts'
import { storeResult, verifyOutputs } from './settle/verify-outputs.ts'
import { afterReport } from './task/after-report.ts'
import { reportedEnd, runStatus } from './task/run-end.ts'
import { isBusy, isCurrent, isExpiredButFree } from './task/transitions.ts'

export type FinishPorts = SettlePorts & MeterPorts & { peaks: ObservedPeaks }

/** Records how a run ended. `stale`: it is no longer the task's run, and nothing changes. */
export async function finish(
  ports: FinishPorts,
  asking: Promise<AgentDoc>,
  run: RunId,
  report: FinishReport,
): Promise<FinishAnswer> {
  const [agent, found] = await Promise.all([asking, taskOf(ports, run)])
  // Settle first what an earlier write left open.
  const before = found && isBusy(found) ? await settle(ports, found) : found
  if (!before || before.agentId !== agent._id) return { stale: true }
  if (before.appliedRun === run) return { applied: true }
  if (!takesEffect(before, run)) return { stale: true }
  await verifyOutputs(ports, before, run, report)
  const result = storeResult(before, report)
  const change = await ports.store.tasks.change(before, (task) =>
    afterReport(task, { run, report, result }, ports.clock.now(), ports.random()),
  )
  if (!change) return lateAnswer(ports, run, report)
  ports.failpoint('finish.written')
  recordEnd(ports, change, agent, report)
  await settle(ports, change.after)
  return { applied: true }
}

/** Adds the run to the metrics, the observed peaks and the log. */
function recordEnd(
  ports: FinishPorts,
  { before, after }: Change<TaskDoc>,
  agent: AgentDoc,
  report: FinishReport,
): void {
  const { module, appliedRun: run, requestId: origin } = after
  if (before.startedAt) {
    const seconds = (ports.clock.now().getTime() - before.startedAt.getTime()) / 1000
    ports.meter.runEnded({ module, status: runStatus[report.outcome] }, seconds)
  }
  // Reports of an untrusted agent must not change the reservations of others.
  if (agent.trusted) ports.peaks.note(ports, before, report)
  ports.logger.info({ run, outcome: report.outcome, status: after.status, origin }, 'finished')
}

const taskOf = (ports: Ports, run: RunId): Promise<TaskDoc | null> =>
  ports.store.tasks.get(parseRunId(run).task)

/** A report counts for the current run, and for an expired one while no agent has claimed the next attempt. */
const takesEffect = (task: TaskDoc, run: RunId): boolean =>
  isCurrent(task, run) || isExpiredButFree(task, run)

/** The write changed nothing: a duplicate of this request applied it, the run failed late, or the report is stale. */
async function lateAnswer(ports: Ports, run: RunId, report: FinishReport): Promise<FinishAnswer> {
  const task = await taskOf(ports, run)
  if (!task) return { stale: true }
  if (task.appliedRun === run) return { applied: true }
  if (!isExpiredButFree(task, run)) return { stale: true }
  const end = reportedEnd(report, task.startedAt, ports.clock.now())
  await endRun(ports, task, run, { ...end, nextRun: task.currentRun })
  return { applied: true }
}
