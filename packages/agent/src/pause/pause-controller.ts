import type { AgentRest } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'

/** The sources of pauses: operators over the API, the owner by command or by schedule, and other programs on its GPU. */
export type PauseSource = 'operator' | 'owner' | 'schedule' | 'others'
/** `makesWay`: the agent hands back its runs immediately, because the owner needs the machine now. */
export type PauseWish = AgentRest & { makesWay: boolean }

export type PauseControllerDeps = {
  /** Whether the agent claims new work. */
  setAccepting(accepting: boolean): void
  /** Frees memory that no run uses. */
  evictIdle(): void
  /** Hands back all runs, within seconds. */
  handBack(): void
  /** How long runs of a draining agent may continue, in seconds. */
  drainSeconds(): number
  /** The API's time, in which operators give the end of a pause. */
  now(): Date
  logger: Logger
}

/** The longest wait of a timer. */
const longestMs = 2 ** 31 - 1

/** Pauses this agent while any source wants it paused. */
export class PauseController {
  readonly #deps: PauseControllerDeps
  readonly #wishes = new Map<PauseSource, { wish: PauseWish; timer?: NodeJS.Timeout }>()

  constructor(deps: PauseControllerDeps) {
    this.#deps = deps
  }

  /** The pause to report: the first of owner, schedule and other programs. Operators already know theirs. */
  get own(): AgentRest | null {
    const own = (['owner', 'schedule', 'others'] as const).flatMap(
      (source) => this.#wishes.get(source)?.wish ?? [],
    )[0]
    return own ? { kind: own.kind, note: own.note, until: own.until } : null
  }

  get all(): (AgentRest & { by: PauseSource })[] {
    return [...this.#wishes].map(([by, { wish }]) => ({
      by,
      kind: wish.kind,
      note: wish.note,
      until: wish.until,
    }))
  }

  /** Sets the pause of a source; `null` ends it. The same pause again changes nothing. */
  set(source: PauseSource, wish: PauseWish | null): void {
    const before = this.#wishes.get(source)
    if (JSON.stringify(before?.wish ?? null) === JSON.stringify(wish)) return
    clearTimeout(before?.timer)
    this.#wishes.delete(source)
    if (wish) this.#begin(source, wish)
    else this.#deps.logger.info({ source }, 'pause ended')
    this.#deps.setAccepting(this.#wishes.size === 0)
  }

  close(): void {
    for (const { timer } of this.#wishes.values()) clearTimeout(timer)
  }

  #begin(source: PauseSource, wish: PauseWish): void {
    const { logger, setAccepting, evictIdle, handBack, drainSeconds } = this.#deps
    logger.info({ source, ...wish }, 'paused; claiming stopped')
    this.#wishes.set(source, { wish, timer: this.#endTimer(source, wish) })
    setAccepting(false)
    evictIdle()
    if (wish.makesWay) handBack()
    else if (wish.kind === 'draining') {
      const isStill = () => this.#wishes.get(source)?.wish === wish
      setTimeout(() => isStill() && handBack(), drainSeconds() * 1000).unref()
    }
  }

  #endTimer(source: PauseSource, wish: PauseWish): NodeJS.Timeout | undefined {
    if (wish.until === null) return undefined
    const now = source === 'operator' ? this.#deps.now().getTime() : Date.now()
    const leftMs = Math.min(longestMs, Math.max(0, new Date(wish.until).getTime() - now))
    const end = () => {
      const entry = this.#wishes.get(source)
      if (entry?.wish !== wish) return
      if (leftMs === longestMs) entry.timer = this.#endTimer(source, wish)
      else this.set(source, null)
    }
    return setTimeout(end, leftMs).unref()
  }
}
