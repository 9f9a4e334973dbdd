import type { Run, RunStatus } from '@millrace/shared'
import type { RunDoc, RunEnd } from '../store/documents/run.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { iso } from './task.ts'

/** A run as clients see it. The status of a task's current run comes from the task. */
export function presentRun(kept: RunDoc, task: TaskDoc | null): Run {
  const run = withOpenEnd(kept, task)
  const status = statusOf(run, task)
  const current = task?.currentRun === run._id ? task : null
  const startedAt = run.startedAt ?? (status === 'running' ? (current?.startedAt ?? null) : null)
  const finishedAt = run.endedAt ?? run.finishedAt
  return {
    id: run._id,
    taskId: run.task,
    attempt: run.attempt,
    module: run.module,
    version: run.version ?? current?.ranVersion ?? null,
    digest: run.digest ?? current?.ranDigest ?? null,
    agentId: run.agentId ?? (status === 'running' ? (current?.agentId ?? null) : null),
    status,
    exitCode: run.exitCode,
    signal: run.signal,
    error: run.error,
    willRetry: run.nextRun !== null,
    nextRunId: run.nextRun,
    createdAt: run.createdAt.toISOString(),
    startedAt: iso(startedAt),
    finishedAt: iso(finishedAt),
    durationSeconds: finishedAt && startedAt ? (finishedAt.getTime() - startedAt.getTime()) / 1000 : null,
    usage: run.usage,
    log: run.archive === 'removed' ? null : run.log,
    requestId: task?.requestId,
  }
}

export function statusOf(run: RunDoc, task: TaskDoc | null): RunStatus {
  const end = openEnd(run, task)
  if (end) return end.status
  const isCurrent = task?.currentRun === run._id
  return isCurrent && (task.status === 'running' || task.status === 'queued') ? task.status : run.status
}

/** The end of a run from its task's marker, while the settle has not written it to the run's document yet. */
function openEnd(run: RunDoc, task: TaskDoc | null): RunEnd | null {
  const marker = task?.settle
  const hasEnd = marker?.kind === 'terminal' || marker?.kind === 'requeue'
  return hasEnd && marker.run === run._id ? marker.end : null
}

function withOpenEnd(run: RunDoc, task: TaskDoc | null): RunDoc {
  const end = openEnd(run, task)
  if (!end) return run
  const { logSaved: _, startedAt, ...ended } = end
  const nextRun = task?.settle?.kind === 'requeue' ? task.currentRun : run.nextRun
  return { ...run, ...ended, startedAt: run.startedAt ?? startedAt, nextRun }
}
