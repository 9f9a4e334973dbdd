import { expect, test } from 'vitest'
import { at, exampleTask, taskId } from '../operations/task/example.fixture.ts'
import { newRun } from '../operations/task/new-run.ts'
import { presentRun } from './run.ts'

const run = `${taskId}.1` as const
const end = {
  status: 'timed_out' as const,
  exitCode: null,
  signal: 'SIGKILL',
  error: { code: 'timed_out' as const, message: 'too long', retryable: true },
  usage: { peakRamBytes: 7, peakVramBytes: null, cpuSeconds: 1 },
  log: { lines: 1, bytes: 2, truncated: false },
  logSaved: true,
  startedAt: at,
  finishedAt: new Date(at.getTime() + 60_000),
  endedAt: new Date(at.getTime() + 5000),
}
const whole = {
  status: 'timed_out',
  signal: 'SIGKILL',
  error: { code: 'timed_out' },
  usage: { peakRamBytes: 7 },
  log: { lines: 1 },
  durationSeconds: 5,
}

test('a run whose end is not yet settled shows its whole end, not its status alone', () => {
  const task = exampleTask({
    status: 'failed',
    currentRun: run,
    settle: { kind: 'terminal', run, end, waiting: null },
  })
  expect(presentRun(newRun(task, run, at), task)).toMatchObject(whole)
})

test('so does an attempt that is followed by another', () => {
  const next = `${taskId}.2` as const
  const task = exampleTask({
    status: 'queued',
    attempt: 2,
    currentRun: next,
    settle: { kind: 'requeue', run, end },
  })
  expect(presentRun(newRun(task, run, at), task)).toMatchObject({
    ...whole,
    willRetry: true,
    nextRunId: next,
  })
})
