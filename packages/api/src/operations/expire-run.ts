import { isTerminal, runIdOf } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import type { RunEnd } from '../store/documents/run.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { settle } from './settle/settle.ts'
import { delaySeconds } from './task/backoff.ts'
import { move } from './task/move.ts'

const lossesAllowed = 3

/** The agent of a running task is gone, or does not know of the run: this attempt cannot end any more. */
export async function expireRun(deps: Deps, from: TaskDoc): Promise<void> {
  const change = await deps.store.tasks.change(from, (task) =>
    task.currentRun === from.currentRun && task.sessionId === from.sessionId
      ? decideLost(task, deps.clock.now(), deps.random())
      : null,
  )
  if (!change) return
  deps.failpoint('lost.written')
  deps.logger.warn({ task: from._id, run: from.currentRun, status: change.after.status }, 'run lost')
  await settle(deps, change.after)
}

export function decideLost(task: TaskDoc, now: Date, random: number): TaskDoc | null {
  const run = task.currentRun
  if (task.status !== 'running' || task.settle || !run || isTerminal(task.status)) return null
  const message = 'The agent that ran this did not come back in time.'
  const end = (error: TaskDoc['error']): RunEnd => ({
    status: 'lost',
    exitCode: null,
    signal: null,
    error,
    usage: null,
    log: null,
    logSaved: false,
    startedAt: task.startedAt,
    finishedAt: now,
    endedAt: null,
  })
  if (task.cancelRequestedAt) {
    const error = {
      code: 'cancelled' as const,
      message: 'Cancelled; the agent was lost before it could confirm.',
      retryable: false,
      detail: { confirmed: false },
    }
    return move(task, 'cancelled', now, {
      error,
      finishedAt: now,
      settle: { kind: 'terminal', run, end: end(error), waiting: null },
    })
  }
  const losses = task.losses + 1
  if (losses > lossesAllowed) {
    const error = {
      code: 'agent_lost' as const,
      message: `${message} It happened ${losses} times.`,
      retryable: false,
    }
    return move(task, 'failed', now, {
      losses,
      error,
      finishedAt: now,
      settle: { kind: 'terminal', run, end: end(error), waiting: null },
    })
  }
  const delay = losses === 1 ? 0 : delaySeconds(task.backoff, losses - 1, random)
  const attempt = task.attempt + 1
  return move(task, 'queued', now, {
    losses,
    attempt,
    currentRun: runIdOf(task._id, attempt),
    lostRun: run,
    queuedAt: now,
    startedAt: null,
    settle: {
      kind: 'requeue',
      run,
      end: end({ code: 'lost', message, retryable: true }),
      until: delay > 0 ? new Date(now.getTime() + delay * 1000) : null,
    },
  })
}
