import { sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import type { AgentSignals } from '../signals/agent-signals.ts'

const everyMs = 1000
/** Load alone does not delay a timer by this: the machine slept, or this process was stopped. */
const sleptMs = 5000

/**
 * Detects when the machine wakes, by the wall clock, since the clock of timers may stop during a sleep.
 */
export class SleepDetector {
  #waking = new AbortController()
  readonly #signals: Pick<AgentSignals, 'machineWoke'>

  constructor(signals: Pick<AgentSignals, 'machineWoke'>) {
    this.#signals = signals
  }

  /** Aborted at the next waking; a new signal then replaces it. */
  get nextWaking(): AbortSignal {
    return this.#waking.signal
  }

  async watch(logger: Logger, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const before = Date.now()
      await sleep(everyMs, signal)
      const sleptFor = Date.now() - before - everyMs
      if (signal.aborted || sleptFor < sleptMs) continue
      logger.warn({ seconds: Math.round(sleptFor / 1000) }, 'awake again after a sleep')
      const woken = this.#waking
      this.#waking = new AbortController()
      this.#signals.machineWoke.emit()
      woken.abort()
    }
  }
}

/** A timer that is late by this much was delayed by a sleep. */
const lateMs = 2000

/**
 * Calls back after this much time awake; time asleep does not count. It waits in short parts, because a late timer does
 * not show when the sleep began.
 */
export function afterAwake(ms: number, callBack: () => void): { clear(): void } {
  let left = ms
  let timer: NodeJS.Timeout
  const next = () => {
    const began = performance.now()
    const part = Math.min(left, everyMs)
    timer = setTimeout(() => {
      const took = performance.now() - began
      left -= took > part + lateMs ? part : took
      if (left <= 0) callBack()
      else next()
    }, part)
  }
  next()
  return { clear: () => clearTimeout(timer) }
}
