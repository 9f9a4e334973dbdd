import { isDeepStrictEqual } from 'node:util'
import { TaskStatus, taskMoves } from '@millrace/shared'
import { describe, expect, test } from 'vitest'
import type { RunEnd } from '../../store/documents/run.ts'
import type { TaskDoc, TaskMarker } from '../../store/documents/task.ts'
import { agentId, at, exampleAgent, exampleTask, sessionId, taskId } from './example.fixture.ts'
import { retried, revived, unskipped } from './fresh-round.ts'
import * as arrows from './transitions.ts'

const run = (attempt: number) => `${taskId}.${attempt}` as const
const now = new Date(at.getTime() + 60_000)
const offer = { module: 'echo', version: '1.0.0', digest: 'd', max: 1, warm: 0 }
const error = { code: 'crashed', message: 'm', retryable: true } as const
const end: RunEnd = {
  status: 'failed',
  exitCode: 1,
  signal: null,
  error,
  usage: null,
  log: null,
  logSaved: false,
  startedAt: at,
  finishedAt: now,
  endedAt: now,
}
const ofNoRun: TaskMarker = { kind: 'terminal', run: null, end: null, waiting: null }
const ofItsRun: TaskMarker = { kind: 'terminal', run: run(1), end, waiting: null }
const finished = { appliedRun: run(1), failures: 1, error }
const expired = { attempt: 2, currentRun: run(2), lostRun: run(1), agentId, startedAt: null }

/** Of a task that had two attempts and ended. */
const past = {
  attempt: 2,
  failures: 2,
  losses: 1,
  currentRun: run(2),
  alone: true,
  claimId: 'claim',
  agentId,
  sessionId,
  result: {},
  error,
  cancelRequestedAt: at,
  startedAt: at,
  finishedAt: at,
}
const freshRound = {
  status: 'blocked',
  round: 2,
  attempt: 3,
  failures: 0,
  losses: 0,
  currentRun: null,
  alone: false,
  claimId: null,
  agentId: null,
  sessionId: null,
  result: null,
  error: null,
  cancelRequestedAt: null,
  queuedAt: null,
  startedAt: null,
  finishedAt: null,
  settle: { kind: 'revive' },
} as const

type Arrow = {
  name: string
  from: TaskStatus[]
  /** The task at its start, but for its status. */
  start: Partial<TaskDoc>
  draw: (task: TaskDoc) => TaskDoc | null
  /** All that differs afterwards, but for the history. */
  changes: Partial<TaskDoc>
  /** Other starts of the same status from which it does not lead. */
  refused: Partial<TaskDoc>[]
}

const open: Partial<TaskDoc>[] = [{ settle: { kind: 'admit' } }, { settle: ofNoRun }]
const running = { agentId, sessionId, startedAt: at }

const claimedNow = {
  status: 'running',
  claimId: 'claim',
  agentId,
  sessionId,
  ranVersion: '1.0.0',
  ranDigest: 'd',
  startedAt: now,
} as const

const table: Arrow[] = [
  {
    name: 'queued',
    from: ['blocked'],
    start: { currentRun: null, queuedAt: null, waitingFor: [taskId], settle: { kind: 'admit' } },
    draw: (task) => arrows.queued(task, 7, now),
    changes: {
      status: 'queued',
      currentRun: run(1),
      place: 7,
      entry: { rank: expect.stringMatching(/^2\.000000000007\./), state: 'open', until: null, slot: null },
      queuedAt: now,
      waitingFor: [],
      settle: null,
    },
    refused: [],
  },
  ...(['skipped', 'failed'] as const).map((status) => ({
    name: `upstreamFailed, which says ${status}`,
    from: ['blocked' as const],
    start: { currentRun: null, queuedAt: null, waitingFor: [taskId], settle: { kind: 'admit' as const } },
    draw: (task: TaskDoc) => arrows.upstreamFailed(task, status, error, now),
    changes: { status, error, waitingFor: [], finishedAt: now, settle: ofNoRun },
    refused: [],
  })),
  {
    name: 'claimed',
    from: ['queued'],
    start: { lostRun: run(9) },
    draw: (task) => arrows.claimed(task, { run: run(1), claimId: 'claim', agent: exampleAgent, offer }, now),
    changes: { ...claimedNow, lostRun: null },
    refused: [...open, { attempt: 2, currentRun: run(2) }],
  },
  {
    name: 'claimed before its outputs exist',
    from: ['queued'],
    start: { settle: { kind: 'create' } },
    draw: (task) => arrows.claimed(task, { run: run(1), claimId: 'claim', agent: exampleAgent, offer }, now),
    changes: claimedNow,
    refused: open,
  },
  {
    name: 'ended before its outputs are sure to exist',
    from: ['running'],
    start: { ...running, settle: { kind: 'create' } },
    draw: (task) => arrows.ended(task, 'succeeded', { run: run(1), end, ...finished }, now),
    changes: { status: 'succeeded', ...finished, finishedAt: now, settle: { ...ofItsRun, unsure: true } },
    refused: open,
  },
  {
    name: 'resumed',
    from: ['queued'],
    start: expired,
    draw: (task) => arrows.resumed(task, exampleAgent, run(1), now),
    changes: {
      status: 'running',
      currentRun: run(1),
      lostRun: null,
      sessionId,
      settle: { kind: 'resume', run: run(1), waiting: run(2) },
    },
    refused: [...open, { lostRun: null }, { lostRun: run(2) }, { agentId: null }, { currentRun: null }],
  },
  {
    name: 'cancelled',
    from: ['blocked', 'queued'],
    start: { waitingFor: [taskId] },
    draw: (task) => arrows.cancelled(task, now),
    changes: {
      status: 'cancelled',
      error: { code: 'cancelled', message: 'Cancelled on request.', retryable: false },
      cancelRequestedAt: now,
      waitingFor: [],
      finishedAt: now,
      settle: { ...ofNoRun, waiting: run(1) },
    },
    refused: open,
  },
  {
    name: 'cancelled without a run',
    from: ['blocked', 'queued'],
    start: { currentRun: null, attempt: 3 },
    draw: (task) => arrows.cancelled(task, now),
    changes: {
      status: 'cancelled',
      error: { code: 'cancelled', message: 'Cancelled on request.', retryable: false },
      cancelRequestedAt: now,
      finishedAt: now,
      settle: { ...ofNoRun, waiting: run(3) },
    },
    refused: open,
  },
  {
    name: 'cancelRequested',
    from: ['running'],
    start: running,
    draw: (task) => arrows.cancelRequested(task, now),
    changes: { cancelRequestedAt: now },
    refused: [...open, { cancelRequestedAt: at }],
  },
  ...(['succeeded', 'failed', 'cancelled'] as const).map((status) => ({
    name: `ended, which says ${status}`,
    from: ['running' as const],
    start: running,
    draw: (task: TaskDoc) => arrows.ended(task, status, { run: run(1), end, ...finished }, now),
    changes: { status, ...finished, finishedAt: now, settle: ofItsRun },
    refused: [...open, { attempt: 2, currentRun: run(2) }],
  })),
  {
    name: 'succeededLate',
    from: ['queued'],
    start: expired,
    draw: (task) => arrows.succeededLate(task, { run: run(1), end, result: {} }, now),
    changes: {
      status: 'succeeded',
      result: {},
      currentRun: run(1),
      appliedRun: run(1),
      lostRun: null,
      finishedAt: now,
      settle: { ...ofItsRun, waiting: run(2) },
    },
    refused: [...open, { lostRun: null }, { lostRun: run(2) }],
  },
  ...[
    { delay: 0, until: null },
    { delay: 30, until: new Date(now.getTime() + 30_000) },
  ].map(({ delay, until }) => ({
    name: `requeued after ${delay} s`,
    from: ['running' as const],
    start: running,
    draw: (task: TaskDoc) => arrows.requeued(task, { run: run(1), end, delay, failures: 1 }, now),
    changes: {
      status: 'queued' as const,
      attempt: 2,
      currentRun: run(2),
      failures: 1,
      queuedAt: now,
      startedAt: null,
      entry: {
        rank: expect.stringMatching(/^2\.000000000000\./),
        state: until ? ('parked' as const) : ('open' as const),
        until,
        slot: null,
      },
      settle: { kind: 'requeue' as const, run: run(1), end },
    },
    refused: [...open, { attempt: 2, currentRun: run(2) }],
  })),
  {
    name: 'retried',
    from: ['failed', 'cancelled', 'skipped'],
    start: past,
    draw: (task) => retried(task, 'request', now),
    changes: { ...freshRound, retries: ['request'] },
    refused: open,
  },
  {
    name: 'revived',
    from: ['skipped'],
    start: past,
    draw: (task) => revived(task, now),
    changes: freshRound,
    refused: [],
  },
  {
    name: 'revived while it is being settled',
    from: ['skipped'],
    start: { ...past, settle: ofNoRun },
    draw: (task) => revived(task, now),
    changes: {},
    refused: [],
  },
  {
    name: 'unskipped',
    from: ['skipped'],
    start: { ...past, settle: ofNoRun },
    draw: (task) => unskipped(task, now),
    changes: freshRound,
    refused: [{ settle: null }, { settle: { kind: 'admit' } }],
  },
]

describe.each(table)('$name', ({ from, start, draw, changes, refused }) => {
  test.each(from)('leads on from %s and changes nothing else', (status) => {
    const before = exampleTask({ ...start, status })
    const { history, updatedAt, ...after } = draw(before) ?? before
    const left = status === 'queued' && after.status !== 'queued' ? { entry: null } : {}
    expect(differences(before, after)).toEqual({ ...changes, ...left })
    expect(updatedAt).toEqual(now)
    const moved = { n: 1, status: after.status, attempt: after.attempt, run: after.currentRun, at: now }
    expect(history).toEqual(after.status === status ? [] : [moved])
  })

  test.each(TaskStatus.options.filter((status) => !from.includes(status)))('refuses %s', (status) => {
    expect(draw(exampleTask({ ...start, status }))).toBeNull()
  })

  test('refuses another attempt, and a task with work left over', () => {
    for (const status of from)
      for (const other of refused)
        expect(draw(exampleTask({ ...start, ...other, status })), JSON.stringify(other)).toBeNull()
  })
})

test('every move of the state diagram has its arrow', () => {
  const drawn = table.flatMap(({ from, changes: { status } }) =>
    from.flatMap((one) => (status ? [`${one} → ${status}`] : [])),
  )
  const moves = Object.entries(taskMoves).flatMap(([from, to]) => to.map((one) => `${from} → ${one}`))
  expect([...new Set(drawn)].sort()).toEqual(moves.sort())
})

test('the history counts all states, and keeps the newest 200', () => {
  const past = Array.from({ length: 200 }, (_, at) => ({
    n: at + 3,
    status: 'queued' as const,
    attempt: 1,
    at: now,
  }))
  const task = arrows.queued(exampleTask({ status: 'blocked', history: past }), 1, now)
  expect(task?.history).toHaveLength(200)
  expect(task?.history.at(-1)).toMatchObject({ n: 203, status: 'queued' })
  expect(task?.history[0]).toMatchObject({ n: 4 })
})

test('an attempt may be claimed while it waits, and no other', () => {
  for (const status of TaskStatus.options)
    expect(arrows.mayBeClaimed(exampleTask({ status }), run(1)), status).toBe(
      status === 'queued' || status === 'blocked',
    )
  expect(arrows.mayBeClaimed(exampleTask({ attempt: 2 }), run(1))).toBe(false)
})

function differences(before: TaskDoc, after: object): object {
  const known = new Map<string, unknown>(Object.entries(before))
  return Object.fromEntries(
    Object.entries(after).filter(([key, value]) => !isDeepStrictEqual(known.get(key), value)),
  )
}
