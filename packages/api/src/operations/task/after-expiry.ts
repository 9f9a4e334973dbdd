import type { TaskError } from '@millrace/shared'
import type { TaskDoc } from '../../store/documents/task.ts'
import { delaySeconds } from './backoff.ts'
import { expiredEnd } from './run-end.ts'
import { ended, requeued } from './transitions.ts'

const lossesAllowed = 3
const message = 'The agent that ran this did not come back in time.'

/** The task after its run expired; `null` when no run of it can expire. `random`: between 0 and 1. */
export function afterExpiry(task: TaskDoc, now: Date, random: number): TaskDoc | null {
  const run = task.currentRun
  if (!run) return null
  const losses = task.losses + 1
  const endWith = (error: TaskError) => expiredEnd(task.startedAt, error, now)
  if (task.cancelRequestedAt) {
    const error = cancelUnconfirmed
    return ended(task, 'cancelled', { run, end: endWith(error), error }, now)
  }
  if (losses > lossesAllowed) {
    const error = agentLost(losses)
    return ended(task, 'failed', { run, end: endWith(error), losses, error }, now)
  }
  const delay = losses === 1 ? 0 : delaySeconds(task.backoff, losses - 1, random)
  const end = endWith({ code: 'lost', message, retryable: true })
  return requeued(task, { run, end, delay, losses, lostRun: run }, now)
}

const cancelUnconfirmed: TaskError = {
  code: 'cancelled',
  message: 'Cancelled; the agent was lost before it could confirm.',
  retryable: false,
  detail: { confirmed: false },
}
const agentLost = (losses: number): TaskError => ({
  code: 'agent_lost',
  message: `${message} It happened ${losses} times.`,
  retryable: false,
})
