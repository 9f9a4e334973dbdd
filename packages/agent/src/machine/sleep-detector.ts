import { sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import type { AgentSignals } from '../signals/agent-signals.ts'

const everyMs = 1000
/** A timer that is so late was not kept from running by work alone: the machine slept, or this process was stopped. */
const sleptMs = 5000

/**
 * Notices when the machine wakes: by the wall clock, since the clock of timers may stand still during the sleep.
 */
export class SleepDetector {
  #waking = new AbortController()
  readonly #signals: Pick<AgentSignals, 'machineWoke'>

  constructor(signals: Pick<AgentSignals, 'machineWoke'>) {
    this.#signals = signals
  }

  /** Aborted at the next waking; then there is another. */
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

/** A timer that was this late after its part of a time-out slept through the rest. */
const lateMs = 2000

/**
 * Calls back after so much time awake: of a sleep only the moment counts in which it began. In parts, because a
 * timer that comes late does not say since when.
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
