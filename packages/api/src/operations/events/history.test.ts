import type { RunId, TaskStatus } from '@millrace/shared'
import { describe, expect, test } from 'vitest'
import { exampleTask, taskId } from '../task/example.fixture.ts'
import { move } from '../task/move.ts'
import { knowsTheEnd, linesAfter, statesOf, stepsFrom, within } from './history.ts'
import { idOf, type Position, positionOf, start } from './position.ts'

const run = (attempt: number): RunId => `${taskId}.${attempt}`
const time = new Date('2026-11-21T00:00:00Z')

/** A task with this history of states, each with its run if it has one. */
function through(...states: [TaskStatus, number, RunId?][]) {
  const first = exampleTask({
    status: 'blocked',
    currentRun: null,
    history: [{ status: 'blocked', attempt: 1, at: time }],
  })
  return states.reduce(
    (task, [status, attempt, current = run(attempt)]) =>
      move(task, status, time, { attempt, currentRun: status === 'blocked' ? null : current }),
    first,
  )
}
const told = (task: ReturnType<typeof through>, from: Partial<Position> = {}) =>
  stepsFrom(task, { ...start, ...from }).map((step) =>
    step.kind === 'lines' ? `lines of ${step.run.slice(taskId.length)}` : step.state.status,
  )

const twice = through(['queued', 1], ['running', 1], ['queued', 2], ['running', 2], ['succeeded', 2])
const resumed = through(
  ['queued', 1],
  ['running', 1],
  ['queued', 2],
  ['running', 2, run(1)],
  ['succeeded', 2, run(1)],
)
const late = through(['queued', 1], ['running', 1], ['queued', 2], ['succeeded', 2, run(1)])

describe('the events that a reader still needs', () => {
  test.each([
    ['of a new task', through(), {}, ['blocked']],
    ['of a running task', through(['queued', 1], ['running', 1]), {}, ['blocked', 'queued', 'running']],
    [
      'of two attempts',
      twice,
      {},
      [
        ...['blocked', 'queued', 'running', 'lines of .1', 'queued', 'running'],
        ...['lines of .2', 'succeeded'],
      ],
    ],
    [
      'from within the lines of the first',
      twice,
      { state: 3, attempt: 1, line: 7 },
      ['lines of .1', 'queued', 'running', 'lines of .2', 'succeeded'],
    ],
    [
      'from within the lines of the last',
      twice,
      { state: 5, attempt: 2, line: 7 },
      ['lines of .2', 'succeeded'],
    ],
    ['when only the end is missing', twice, { state: 6, attempt: 2, line: 9 }, []],
    [
      'of a lost run that came back',
      resumed,
      { state: 3 },
      ['lines of .1', 'queued', 'running', 'lines of .1', 'succeeded'],
    ],
    ['of a lost run that was reported late', late, { state: 4 }, ['lines of .1', 'succeeded']],
    [
      'of a task that was cancelled while it waited',
      through(['queued', 1], ['cancelled', 1]),
      {},
      ['blocked', 'queued', 'lines of .1', 'cancelled'],
    ],
  ])('%s', (_, task, from, wanted) => {
    expect(told(task, from)).toEqual(wanted)
  })

  test('of a truncated history, begin with the lines at the reader’s position', () => {
    const task = { ...twice, history: twice.history.slice(-2) }
    expect(statesOf(task).map(({ n }) => n)).toEqual([5, 6])
    expect(told(task, { state: 3, attempt: 1, line: 4 })).toEqual([
      'lines of .1',
      'running',
      'lines of .2',
      'succeeded',
    ])
  })
})

test('a document of an older version gets numbers and runs for its states', () => {
  const history = twice.history.map(({ status, attempt, at }) => ({ status, attempt, at }))
  expect(statesOf({ ...twice, history })).toEqual(statesOf(twice))
  const next = move({ ...twice, status: 'failed', history }, 'blocked', time, {})
  expect(statesOf(next).at(-1)?.n).toBe(7)
})

test('lines continue at the reader’s position: from the beginning of later runs, never from earlier ones', () => {
  const position = { ...start, attempt: 2, line: 30 }
  expect([linesAfter(position, run(1)), linesAfter(position, run(2)), linesAfter(position, run(3))]).toEqual([
    null,
    30,
    0,
  ])
})

test('a reader that received the end gets it again only after a retry', () => {
  const end = { state: 6, attempt: 2, line: 3, ended: true }
  expect(knowsTheEnd(twice, end)).toBe(true)
  expect(knowsTheEnd(twice, { ...end, ended: false })).toBe(false)
  expect(knowsTheEnd(twice, { ...end, state: 5 })).toBe(false)
  expect(knowsTheEnd(twice, { ...end, state: 7 })).toBe(false)
  const failed = through(['queued', 1], ['running', 1], ['failed', 1])
  const again = move(failed, 'blocked', time, { attempt: 2 })
  const known = { state: 4, attempt: 1, line: 0, ended: true }
  expect([knowsTheEnd(failed, known), knowsTheEnd(again, known)]).toEqual([true, false])
})

describe('an event id', () => {
  test.each([
    [start, '0.0.0'],
    [{ state: 5, attempt: 2, line: 117, ended: false }, '5.2.117'],
    [{ state: 6, attempt: 2, line: 130, ended: true }, '6.2.130.end'],
  ])('%o is %s', (position, id) => {
    expect(idOf(position)).toBe(id)
    expect(positionOf(id)).toEqual(position)
  })

  test.each([
    undefined,
    '',
    'x',
    '1.2',
    '1.2.3.4',
    '-1.0.0',
    '1.2.3.END',
    '01234567890.1.1',
    '1.1.1 ',
    '١.١.١',
    '1.1.1\n',
    '{"$gt": ""}',
    '__proto__',
  ])('that is not valid means the start: %s', (id) => {
    expect(positionOf(id)).toEqual(start)
  })

  test.each([
    [{ ...start, state: 7 }, 'of another task with more states'],
    [{ ...start, state: 2, attempt: 3 }, 'of another task with more attempts'],
  ])('%o %s means the start too', (from) => {
    expect(within(twice, from)).toEqual(start)
  })
})
