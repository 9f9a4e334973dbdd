import type { Logger } from 'pino'

type Timed = { now?: string | undefined }

/** The clocks may differ by this before the agent warns. */
const noticeableSeconds = 2
/** A slower answer says little about the time; it counts only without a better one. */
const promptMs = 1000
const freshMs = 10 * 60_000

/**
 * The API's time. Each answer that contains it sets this clock; between answers a monotonic timer advances it, which
 * changes of the machine's clock do not affect. Times of runs, lines and pauses thus agree between machines. Until the
 * first answer it is the clock of this machine.
 */
export class ApiClock {
  readonly #logger: Pick<Logger, 'warn' | 'info'>
  #heard: { api: number; timer: number } | null = null
  #told = 0
  /** How far the clock of this machine is ahead, in seconds; `null`: unknown so far. */
  offsetSeconds: number | null = null

  constructor(logger: Pick<Logger, 'warn' | 'info'>) {
    this.#logger = logger
  }

  now = (): Date =>
    this.#heard ? new Date(this.#heard.api + performance.now() - this.#heard.timer) : new Date()

  /** Converts the end of an owner's pause from this machine's clock to the API's time. */
  convert<Wish extends { until: string | null }>(wish: Wish | null): Wish | null {
    if (!wish?.until) return wish
    const until = new Date(Date.parse(wish.until) - (this.offsetSeconds ?? 0) * 1000)
    return { ...wish, until: until.toISOString() }
  }

  /** Wraps a call so that its answer sets this clock, assuming equal times for request and answer. */
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

  /** Warns once, and again when the difference changes. */
  #tell(seconds: number): void {
    const isOff = Math.abs(seconds) > noticeableSeconds
    if (isOff && Math.abs(seconds - this.#told) > noticeableSeconds) {
      const way = seconds > 0 ? 'ahead of' : 'behind'
      this.#logger.warn(
        { offsetSeconds: seconds },
        `the clock of this machine is ${Math.abs(seconds).toFixed(1)} s ${way} the API's; runs use the API's time. Let the system set its clock (NTP)`,
      )
      this.#told = seconds
    } else if (!isOff && this.#told !== 0) {
      this.#logger.info({ offsetSeconds: seconds }, "the clock of this machine agrees with the API's again")
      this.#told = 0
    }
  }
}
