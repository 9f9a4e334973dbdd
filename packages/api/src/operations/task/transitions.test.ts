import { type FinishReport, TaskStatus, taskMoves } from '@millrace/shared'
import { describe, expect, test } from 'vitest'
import type { TaskMarker } from '../../store/documents/task.ts'
import { decideCancel } from '../cancel.ts'
import { decideClaim } from '../claim.ts'
import { decideLost } from '../expire-run.ts'
import { decideFinish, mayRetry } from '../finish.ts'
import { decideResume } from '../settle/resume.ts'
import { delaySeconds } from './backoff.ts'
import { agentId, at, exampleAgent, exampleEntry, exampleTask, sessionId, taskId } from './example.fixture.ts'

const run = (attempt: number) => `${taskId}.${attempt}` as const
const marker: TaskMarker = { kind: 'admit' }
const running = { status: 'running', agentId, sessionId } as const
const requeued = { status: 'queued', attempt: 2, currentRun: run(2), lostRun: run(1), agentId } as const
const offer = { module: 'echo', version: '1.0.0', digest: 'd', max: 1, warm: 0 }
const report = (outcome: FinishReport['outcome'], error?: FinishReport['error']): FinishReport => ({
  sessionId,
  outcome,
  result: {},
  error,
})
const retryable = { code: 'crashed', message: 'm', retryable: true } as const
const final = { code: 'module_error', message: 'm', retryable: false } as const

describe('a claim', () => {
  const claim = (changes: Parameters<typeof exampleTask>[0]) =>
    decideClaim(exampleTask(changes), exampleEntry(), exampleAgent, 'claim', offer, at)

  test('makes a queued task of that attempt the agent’s running one', () => {
    expect(claim({ lostRun: run(1) })).toMatchObject({
      status: 'running',
      claimId: 'claim',
      agentId,
      sessionId,
      lostRun: null,
      ranVersion: '1.0.0',
      ranDigest: 'd',
      startedAt: at,
    })
  })

  test('of any other state, another attempt or with an open marker comes to nothing', () => {
    for (const status of TaskStatus.options.filter((one) => one !== 'queued'))
      expect(claim({ status })).toBeNull()
    expect(claim({ currentRun: run(2), attempt: 2 })).toBeNull()
    expect(claim({ settle: marker })).toBeNull()
  })
})

describe('a report', () => {
  const finish = (task: Parameters<typeof exampleTask>[0], given: FinishReport, of = run(1)) =>
    decideFinish(exampleTask(task), of, given, {}, at, 1)

  test('of the current run ends the task or tries again', () => {
    const rows: [Parameters<typeof exampleTask>[0], FinishReport, object][] = [
      [{}, report('succeeded'), { status: 'succeeded', settle: { kind: 'terminal' } }],
      [
        {},
        report('failed', retryable),
        { status: 'queued', attempt: 2, failures: 1, settle: { kind: 'requeue' } },
      ],
      [{ failures: 2 }, report('failed', retryable), { status: 'failed', failures: 3, error: retryable }],
      [{ maxAttempts: 1 }, report('timed_out'), { status: 'failed', error: { code: 'timed_out' } }],
      [{}, report('failed', final), { status: 'failed', error: final }],
      [{}, report('cancelled'), { status: 'cancelled' }],
      [{ failures: 2 }, report('handed_back'), { status: 'queued', failures: 2, settle: { until: null } }],
      [{ cancelRequestedAt: at }, report('succeeded'), { status: 'cancelled', result: null }],
      [{ cancelRequestedAt: at }, report('handed_back'), { status: 'cancelled' }],
    ]
    for (const [task, given, after] of rows)
      expect(finish({ ...running, ...task }, given), JSON.stringify(given)).toMatchObject({
        ...after,
        appliedRun: run(1),
      })
  })

  test('of a run that is no longer current, or while a marker is open, changes nothing', () => {
    expect(finish({ ...running, settle: marker }, report('succeeded'))).toBeNull()
    expect(finish({ ...running, attempt: 2, currentRun: run(2) }, report('succeeded'))).toBeNull()
    for (const status of TaskStatus.options.filter((one) => one !== 'running'))
      expect(finish({ status }, report('succeeded')), status).toBeNull()
  })

  test('of a lost run counts only as a success that nobody was faster than', () => {
    expect(finish(requeued, report('succeeded'))).toMatchObject({
      status: 'succeeded',
      currentRun: run(1),
      settle: { kind: 'terminal', run: run(1), waiting: run(2) },
    })
    expect(finish(requeued, report('failed', retryable))).toBeNull()
    expect(finish({ ...requeued, status: 'running', lostRun: null }, report('succeeded'))).toBeNull()
  })
})

describe('another attempt', () => {
  test('is given by the table of outcomes', () => {
    const memory = { code: 'out_of_memory', message: 'm', retryable: false } as const
    const rows: [
      FinishReport['outcome'],
      typeof retryable | typeof final | typeof memory | null,
      number,
      boolean,
    ][] = [
      ['failed', retryable, 5, true],
      ['failed', final, 0, false],
      ['failed', null, 0, false],
      ['failed', memory, 0, true],
      ['failed', memory, 1, false],
      ['timed_out', final, 0, true],
      ['timed_out', null, 3, true],
      ['succeeded', null, 0, false],
      ['cancelled', retryable, 0, false],
    ]
    for (const [outcome, error, before, again] of rows) expect(mayRetry(outcome, error, before)).toBe(again)
  })

  test('waits between nothing and its ceiling, which grows to its bound', () => {
    const backoff = { initialSeconds: 2, factor: 3, maxSeconds: 50 }
    expect([1, 2, 3, 4, 5, 500].map((failures) => delaySeconds(backoff, failures, 1))).toEqual([
      2, 6, 18, 50, 50, 50,
    ])
    expect(delaySeconds(backoff, 4, 0)).toBe(0)
    expect(delaySeconds(backoff, 3, 0.5)).toBe(9)
    expect(delaySeconds(backoff, 0, 1)).toBe(2)
    expect(delaySeconds({ ...backoff, initialSeconds: 0 }, 9, 1)).toBe(0)
  })
})

describe('a lost agent', () => {
  const lose = (changes: Parameters<typeof exampleTask>[0]) =>
    decideLost(exampleTask({ ...running, ...changes }), at, 1)

  test('costs an attempt: at once, then after a while, then the task', () => {
    expect(lose({})).toMatchObject({
      status: 'queued',
      attempt: 2,
      losses: 1,
      lostRun: run(1),
      settle: { until: null },
    })
    expect(lose({ losses: 1 })?.settle).toMatchObject({
      kind: 'requeue',
      until: new Date(at.getTime() + 10_000),
    })
    expect(lose({ losses: 2 })?.settle).toMatchObject({
      kind: 'requeue',
      until: new Date(at.getTime() + 20_000),
    })
    expect(lose({ losses: 3 })).toMatchObject({ status: 'failed', error: { code: 'agent_lost' } })
  })

  test('ends a task that was being cancelled, and touches no other', () => {
    expect(lose({ cancelRequestedAt: at })).toMatchObject({
      status: 'cancelled',
      error: { detail: { confirmed: false } },
    })
    expect(lose({ settle: marker })).toBeNull()
    for (const status of TaskStatus.options.filter((one) => one !== 'running'))
      expect(lose({ status })).toBeNull()
  })
})

describe('a cancel', () => {
  test('ends what waits, asks what runs, and leaves the rest alone', () => {
    const cancel = (changes: Parameters<typeof exampleTask>[0]) => decideCancel(exampleTask(changes), at)
    expect(cancel({})).toMatchObject({ status: 'cancelled', settle: { kind: 'terminal', waiting: run(1) } })
    expect(cancel({ status: 'blocked', currentRun: null })).toMatchObject({ status: 'cancelled' })
    expect(cancel(running)).toMatchObject({ status: 'running', cancelRequestedAt: at, settle: null })
    expect(cancel({ ...running, cancelRequestedAt: at })).toBeNull()
    expect(cancel({ settle: marker })).toBeNull()
    for (const status of ['succeeded', 'failed', 'cancelled', 'skipped'] as const)
      expect(cancel({ status })).toBeNull()
  })
})

describe('a resume', () => {
  test('goes on only with the lost run of this agent that nobody claimed anew', () => {
    const resume = (changes: Parameters<typeof exampleTask>[0], of = run(1)) =>
      decideResume(exampleTask({ ...requeued, ...changes }), exampleAgent, of, at)
    expect(resume({})).toMatchObject({
      status: 'running',
      currentRun: run(1),
      lostRun: null,
      sessionId,
      settle: { kind: 'resume', run: run(1), waiting: run(2) },
    })
    for (const changes of [
      { settle: marker },
      { lostRun: null },
      { agentId: null },
      { status: 'running' as const },
      { status: 'cancelled' as const },
    ])
      expect(resume(changes), JSON.stringify(changes)).toBeNull()
    expect(resume({}, run(2))).toBeNull()
  })
})

describe('every move', () => {
  test('that an operation makes is in the table, and a terminal state is left only by a retry', () => {
    for (const [from, moves] of Object.entries(taskMoves))
      if (['succeeded', 'failed', 'cancelled', 'skipped'].includes(from))
        expect(
          moves.filter((to) => to !== 'blocked'),
          from,
        ).toEqual([])
  })
})
