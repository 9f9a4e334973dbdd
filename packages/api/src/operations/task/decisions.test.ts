import type { FinishReport } from '@millrace/shared'
import { describe, expect, test } from 'vitest'
import { newItem } from '../../store/documents/new-item.ts'
import { decideAdmission, type Upstreams } from './admission.ts'
import { afterExpiry } from './after-expiry.ts'
import { afterReport, mayRetry } from './after-report.ts'
import { delaySeconds } from './backoff.ts'
import { agentId, at, exampleTask, sessionId, taskId } from './example.fixture.ts'

type Changes = Parameters<typeof exampleTask>[0]

const run = (attempt: number) => `${taskId}.${attempt}` as const
const running = { status: 'running', agentId, sessionId } as const
const requeued = { status: 'queued', attempt: 2, currentRun: run(2), lostRun: run(1), agentId } as const
const report = (outcome: FinishReport['outcome'], error?: FinishReport['error']): FinishReport => ({
  sessionId,
  outcome,
  result: {},
  error,
})
const retryable = { code: 'crashed', message: 'm', retryable: true } as const
const final = { code: 'module_error', message: 'm', retryable: false } as const
const memory = { code: 'out_of_memory', message: 'm', retryable: false } as const

describe('a report', () => {
  const finish = (task: Changes, given: FinishReport, of = run(1)) =>
    afterReport(exampleTask(task), { run: of, report: given, result: {} }, at, 1)

  test('of the current run ends the task or tries again', () => {
    const rows: [Changes, FinishReport, object][] = [
      [{}, report('succeeded'), { status: 'succeeded', settle: { kind: 'terminal' } }],
      [
        {},
        report('failed', retryable),
        { status: 'queued', attempt: 2, failures: 1, alone: false, settle: { kind: 'requeue' } },
      ],
      [{}, report('failed', memory), { status: 'queued', failures: 1, alone: true }],
      [{ failures: 2 }, report('failed', retryable), { status: 'failed', failures: 3, error: retryable }],
      [{ maxAttempts: 1 }, report('timed_out'), { status: 'failed', error: { code: 'timed_out' } }],
      [{}, report('failed', final), { status: 'failed', error: final }],
      [{}, report('failed'), { status: 'failed', error: { code: 'crashed' } }],
      [{}, report('cancelled'), { status: 'cancelled' }],
      [
        { failures: 1 },
        report('handed_back'),
        {
          status: 'queued',
          failures: 1,
          entry: { until: null },
          settle: { end: { error: { code: 'lost' } } },
        },
      ],
      [
        { cancelRequestedAt: at },
        report('succeeded'),
        {
          status: 'cancelled',
          error: { detail: { confirmed: true } },
          settle: { end: { status: 'cancelled' } },
        },
      ],
    ]
    for (const [task, given, after] of rows)
      expect(finish({ ...running, ...task }, given), JSON.stringify(given)).toMatchObject({
        ...after,
        appliedRun: run(1),
      })
  })

  test('of an expired run counts only as a success before another agent claims', () => {
    expect(finish(requeued, report('succeeded'))).toMatchObject({
      status: 'succeeded',
      currentRun: run(1),
      settle: { kind: 'terminal', run: run(1), waiting: run(2) },
    })
    expect(finish(requeued, report('failed', retryable))).toBeNull()
    expect(finish({ ...requeued, status: 'running', lostRun: null }, report('succeeded'))).toBeNull()
  })

  test('waits between zero and its ceiling before the next attempt', () => {
    const backoff = { initialSeconds: 2, factor: 3, maxSeconds: 50 }
    expect([1, 2, 3, 4, 5, 500].map((failures) => delaySeconds(backoff, failures, 1))).toEqual([
      2, 6, 18, 50, 50, 50,
    ])
    expect(delaySeconds(backoff, 4, 0)).toBe(0)
    expect(delaySeconds(backoff, 3, 0.5)).toBe(9)
    expect(delaySeconds(backoff, 0, 1)).toBe(2)
    expect(delaySeconds({ ...backoff, initialSeconds: 0 }, 9, 1)).toBe(0)
  })

  test.each([
    ['failed', retryable, 5, true],
    ['failed', final, 0, false],
    ['failed', null, 0, false],
    ['failed', memory, 0, true],
    ['failed', memory, 1, false],
    ['timed_out', final, 0, true],
    ['timed_out', null, 3, true],
    ['succeeded', null, 0, false],
    ['cancelled', retryable, 0, false],
  ] as const)('%s with %j after %i failures: another attempt is %s', (outcome, error, before, again) => {
    expect(mayRetry(outcome, error, before)).toBe(again)
  })
})

describe('an expired run', () => {
  const expire = (changes: Changes) => afterExpiry(exampleTask({ ...running, ...changes }), at, 1)
  const inSeconds = (seconds: number) => new Date(at.getTime() + seconds * 1000)

  test('costs an attempt: at once, then after a while, then the task', () => {
    const rows: [Changes, object][] = [
      [
        {},
        {
          status: 'queued',
          attempt: 2,
          losses: 1,
          lostRun: run(1),
          entry: { until: null },
          settle: { end: { status: 'lost' } },
        },
      ],
      [{ losses: 1 }, { entry: { until: inSeconds(10) }, settle: { kind: 'requeue' } }],
      [{ losses: 2 }, { entry: { until: inSeconds(20) }, settle: { kind: 'requeue' } }],
      [{ losses: 3 }, { status: 'failed', losses: 4, error: { code: 'agent_lost' } }],
      [{ cancelRequestedAt: at }, { status: 'cancelled', error: { detail: { confirmed: false } } }],
    ]
    for (const [task, after] of rows) expect(expire(task), JSON.stringify(task)).toMatchObject(after)
  })

  test('leaves a task without one alone', () => {
    expect(expire({ currentRun: null })).toBeNull()
    expect(expire({ status: 'queued' })).toBeNull()
    expect(expire({ settle: { kind: 'admit' } })).toBeNull()
  })
})

describe('an admission', () => {
  const item = (status: 'available' | 'pending' | 'failed') =>
    newItem({
      _id: 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV',
      apiKey: 'key_01ARZ3NDEKTSV4RRFFQ69G5FAV',
      label: '',
      type: 'text',
      status,
      tags: [],
      createdAt: at,
    })
  const none: Upstreams = { items: [], missing: [], tasks: [], producers: [] }
  const waiting = exampleTask({ status: 'blocked' })
  const upstream = (changes: Changes) => exampleTask({ _id: 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAW', ...changes })
  const broke = upstream({ status: 'failed', error: final })

  test.each<[string, Changes, Partial<Upstreams>, object]>([
    ['nothing to wait for', {}, {}, { kind: 'queue' }],
    ['all available', {}, { items: [item('available')] }, { kind: 'queue' }],
    [
      'an item to come',
      {},
      { items: [item('pending')] },
      { kind: 'wait', waitingFor: [item('pending')._id] },
    ],
    ['a task to end', {}, { tasks: [upstream({})] }, { kind: 'wait', waitingFor: [broke._id] }],
    ['a failed upstream', {}, { tasks: [broke] }, { kind: 'end', status: 'skipped' }],
    ['a failed item', {}, { items: [item('failed')] }, { kind: 'end', status: 'skipped' }],
    ['a missing item', {}, { missing: [taskId] }, { kind: 'end', status: 'skipped' }],
    [
      'a failed upstream, policy fail',
      { onUpstreamFailure: 'fail' },
      { tasks: [broke] },
      { status: 'failed' },
    ],
    ['a failed upstream, policy run', { onUpstreamFailure: 'run' }, { tasks: [broke] }, { kind: 'queue' }],
  ])('with %s', (_, changes, upstreams, decision) => {
    expect(decideAdmission({ ...waiting, ...changes }, { ...none, ...upstreams })).toMatchObject(decision)
  })

  test('names the task at which a chain broke', () => {
    const [first, second] = ['tsk_01ARZ3NDEKTSV4RRFFQ69G5FAX', broke._id]
    const passedOn = {
      code: 'upstream_failed',
      message: `${first} failed: m`,
      retryable: false,
      detail: { rootTaskId: first },
    } as const
    const tasks = [upstream({ status: 'skipped', error: passedOn })]
    expect(decideAdmission(waiting, { ...none, tasks })).toEqual({
      kind: 'end',
      status: 'skipped',
      error: {
        code: 'upstream_failed',
        message: `${first} failed: m`,
        retryable: false,
        detail: { cause: second, taskId: second, rootTaskId: first },
      },
    })
  })
})
