import { TaskStatus } from '@millrace/shared'
import { describe, expect, test } from 'vitest'
import { at, exampleTask } from '../task/example.fixture.ts'
import { newRun } from '../task/new-run.ts'
import { daysOfLogs, dueBefore, isHistory, isOverdue, nextLook } from './overdue.ts'

const hour = (hours: number) => new Date(at.getTime() + hours * 3600 * 1000)
const marker = { kind: 'terminal' as const, run: null, end: null, waiting: null }

test('days count back from now; null keeps forever', () => {
  expect(dueBefore(2, hour(48))).toEqual(at)
  expect(dueBefore(null, hour(48))).toBeNull()
})

test.each(TaskStatus.options)('a task that is %s', (status) => {
  const ended = ['succeeded', 'failed', 'cancelled', 'skipped'].includes(status)
  expect(isHistory(exampleTask({ status }))).toBe(ended)
  expect(isHistory(exampleTask({ status, settle: marker }))).toBe(false)
})

describe('a run exceeds its retention', () => {
  const task = exampleTask({ status: 'failed' })
  const run = { ...newRun(task, `${task._id}.1`, at), finishedAt: at }
  test.each([
    ['from its own end on', run, task, at, true],
    ['not before', run, task, hour(-1), false],
    ['not while it has no end', { ...run, finishedAt: null }, task, hour(1), false],
    ['not while its task has none', run, exampleTask({ status: 'queued' }), hour(1), false],
    ['not while its task is being settled', run, { ...task, settle: marker }, hour(1), false],
    ['when its task is gone', run, null, hour(1), true],
  ])('%s', (_, one, of, before, wanted) => {
    expect(isOverdue(one, of, before)).toBe(wanted)
  })
})

test.each([
  ['with their run', 30, null, null],
  ['before it', 30, 7, 7],
  ['before their run, which is kept forever', null, 7, 7],
  ['with their run, when both have the same retention', 7, 7, null],
  ['with their run, when it is removed first', 7, 30, null],
  ['never', null, null, null],
])('logs are removed %s', (_, runs, logs, wanted) => {
  const retentionDays = { runs, logs, tasks: null, uploads: null, outputs: null }
  expect(daysOfLogs({ maxRunningTasks: 1, perModule: {}, retentionDays })).toBe(wanted)
})

describe('the next scan', () => {
  const full = { full: true, removed: 1, towards: 'newer' as const }
  test.each([
    ['continues at the last end time of the page', [at, hour(1)], full, hour(1)],
    ['stays while all have one end time and some are removed', [at, at], full, at],
    [
      'skips a full page with one end time that stays',
      [at, at],
      { ...full, removed: 0 },
      new Date(at.getTime() + 1),
    ],
    [
      'also skips towards older ones',
      [at, at],
      { ...full, removed: 0, towards: 'older' as const },
      new Date(at.getTime() - 1),
    ],
    ['restarts after the last page', [at, hour(1)], { ...full, full: false }, null],
    ['restarts when nothing is left', [], full, null],
  ])('%s', (_, ends, seen, wanted) => {
    expect(nextLook(ends, seen)).toBe(wanted?.toISOString() ?? null)
  })
})
