import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openSignals } from '../signals/agent-signals.ts'
import { afterAwake, SleepDetector } from './sleep-detector.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'], now: 0 })
})
afterEach(() => {
  vi.useRealTimers()
})

/** The machine sleeps: timers are late by this time, and all fire at once. */
const sleep = (ms: number) => vi.setSystemTime(Date.now() + ms)

test('a time-out fires after its time, and not before', async () => {
  const over = vi.fn()
  afterAwake(2500, over)
  await vi.advanceTimersByTimeAsync(2499)
  expect(over).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(over).toHaveBeenCalledOnce()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(over).toHaveBeenCalledOnce()
})

test('a cleared time-out does not fire', async () => {
  const over = vi.fn()
  const timeout = afterAwake(2500, over)
  await vi.advanceTimersByTimeAsync(1500)
  timeout.clear()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(over).not.toHaveBeenCalled()
})

test('a sleep is noticed once, and wakes its waiters; a busy second is none', async () => {
  const signals = openSignals()
  const sleepDetector = new SleepDetector(signals)
  const stop = new AbortController()
  const woken = vi.fn()
  signals.machineWoke.subscribe('test', woken)
  const watching = sleepDetector.watch(pino({ level: 'silent' }), stop.signal)
  const { nextWaking } = sleepDetector
  await vi.advanceTimersByTimeAsync(3000)
  sleep(1000)
  await vi.advanceTimersByTimeAsync(3000)
  expect(woken).not.toHaveBeenCalled()
  sleep(3600_000)
  await vi.advanceTimersByTimeAsync(1000)
  expect(woken).toHaveBeenCalledOnce()
  expect(nextWaking.aborted).toBe(true)
  expect(sleepDetector.nextWaking.aborted).toBe(false)
  await vi.advanceTimersByTimeAsync(3000)
  expect(woken).toHaveBeenCalledOnce()
  stop.abort()
  await watching
})
