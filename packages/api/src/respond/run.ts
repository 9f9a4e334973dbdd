import { isTerminal, type Run, type RunStatus } from '@millrace/shared'
import type { RunDoc } from '../store/documents/run.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { iso } from './task.ts'

/** A run as clients see it. While it is its task's current run, the task says how it stands. */
export function presentRun(run: RunDoc, task: TaskDoc | null): Run {
  const status = statusOf(run, task)
  const current = task?.currentRun === run._id ? task : null
  const startedAt = run.startedAt ?? (status === 'running' ? (current?.startedAt ?? null) : null)
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
    finishedAt: iso(run.finishedAt),
    durationSeconds:
      run.finishedAt && startedAt ? (run.finishedAt.getTime() - startedAt.getTime()) / 1000 : null,
    usage: run.usage,
    log: run.archive === 'removed' ? null : run.log,
    requestId: task?.requestId,
  }
}

export function statusOf(run: RunDoc, task: TaskDoc | null): RunStatus {
  if (task?.currentRun !== run._id) return run.status
  if (task.status === 'running' || task.status === 'queued') return task.status
  const marker = task.settle
  if (isTerminal(task.status) && marker?.kind === 'terminal' && marker.run === run._id && marker.end)
    return marker.end.status
  return run.status
}
