import type { Logger } from 'pino'

type Timed = { now?: string | undefined }

/** So far two clocks may differ before anybody is told. */
const noticeableSeconds = 2
/** An answer that took longer says little about the time; it counts while nothing better is known. */
const promptMs = 1000
const freshMs = 10 * 60_000

/**
 * The time as the API has it, measured at each answer that tells it and carried on by the timer that no change of this
 * machine's clock moves. So times of runs, lines and pauses mean the same on every machine. Until the first answer it is
 * the clock of this machine.
 */
export class ApiClock {
  readonly #logger: Pick<Logger, 'warn' | 'info'>
  #heard: { api: number; timer: number } | null = null
  #told = 0
  /** How far the clock of this machine is ahead, in seconds; `null`: not known yet. */
  offsetSeconds: number | null = null

  constructor(logger: Pick<Logger, 'warn' | 'info'>) {
    this.#logger = logger
  }

  now = (): Date =>
    this.#heard ? new Date(this.#heard.api + performance.now() - this.#heard.timer) : new Date()

  /** What the owner wants until some time by the clock of this machine, with that time as the API counts it. */
  convert<Wish extends { until: string | null }>(wish: Wish | null): Wish | null {
    if (!wish?.until) return wish
    const until = new Date(Date.parse(wish.until) - (this.offsetSeconds ?? 0) * 1000)
    return { ...wish, until: until.toISOString() }
  }

  /** The same call; its answer sets this clock, on the assumption that both ways took as long. */
  readonly timed =
    <Args extends unknown[], Answer extends Timed>(call: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      const sent = performance.now()
      const answer = await call(...args)
      this.#hear(answer.now, sent, performance.now())
      return answer
    }

  #hear(now: string | undefined, sent: number, received: number): void {
    if (now === undefined) return
    const isFresh = this.#heard !== null && received - this.#heard.timer < freshMs
    if (received - sent > promptMs && isFresh) return
    this.#heard = { api: Date.parse(now) + (received - sent) / 2, timer: received }
    this.offsetSeconds = Math.round(Date.now() - this.#heard.api) / 1000
    this.#tell(this.offsetSeconds)
  }

  /** Once, and again when it is another. */
  #tell(seconds: number): void {
    const isOff = Math.abs(seconds) > noticeableSeconds
    if (isOff && Math.abs(seconds - this.#told) > noticeableSeconds) {
      const way = seconds > 0 ? 'ahead of' : 'behind'
      this.#logger.warn(
        { offsetSeconds: seconds },
        `the clock of this machine is ${Math.abs(seconds).toFixed(1)} s ${way} the API's; runs are told by the API's time. Let the system set its clock (NTP)`,
      )
      this.#told = seconds
    } else if (!isOff && this.#told !== 0) {
      this.#logger.info({ offsetSeconds: seconds }, "the clock of this machine agrees with the API's again")
      this.#told = 0
    }
  }
}
