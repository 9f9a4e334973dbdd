import type { TaskDoc } from '../../store/documents/task.ts'
import { move } from './move.ts'

/** A task from the start, with all its attempts before it; what its earlier runs did is history. */
export const freshRound = (task: TaskDoc, now: Date, changes: Partial<TaskDoc> = {}): TaskDoc =>
  move(task, 'blocked', now, {
    round: task.round + 1,
    attempt: task.attempt + 1,
    failures: 0,
    losses: 0,
    currentRun: null,
    lostRun: null,
    alone: false,
    claimId: null,
    sessionId: null,
    agentId: null,
    waitingFor: [],
    result: null,
    error: null,
    cancelRequestedAt: null,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
    settle: { kind: 'revive' },
    ...changes,
  })
