import { backoffMs, sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import type { Token, TokenSource } from './token-source.ts'

export type TokenPullsDeps = {
  /** `null` while NATS is not connected. */
  queue(): TokenSource | null
  /** Milliseconds for which the agent must not wait for tokens of a module. */
  pausedFor(module: string): number
  /** Resolves when the token is handled; until then the agent waits for no other token of its module. */
  onToken(token: Token): Promise<void>
  logger: Logger
}

type Pull = { stop: AbortController; ended: Promise<void>; failing: boolean }

/** Holds one long pull for each wanted module. */
export class TokenPulls {
  readonly #deps: TokenPullsDeps
  readonly #pulls = new Map<string, Pull>()
  readonly #ending = new Set<Promise<void>>()

  constructor(deps: TokenPullsDeps) {
    this.#deps = deps
  }

  /** Starts and ends pulls so that exactly these modules have one. */
  want(modules: string[]): void {
    const wanted = new Set(modules)
    for (const [module, pull] of this.#pulls) if (!wanted.has(module)) this.#end(module, pull)
    for (const module of wanted) if (!this.#pulls.has(module)) this.#begin(module)
  }

  /** Whether every wanted module has a working pull; else the agent must poll with claims. */
  get areSound(): boolean {
    return this.#deps.queue() !== null && ![...this.#pulls.values()].some(({ failing }) => failing)
  }

  async close(): Promise<void> {
    this.want([])
    await Promise.all(this.#ending)
  }

  #begin(module: string): void {
    const stop = new AbortController()
    const pull: Pull = { stop, failing: false, ended: Promise.resolve() }
    this.#pulls.set(module, pull)
    pull.ended = this.#hold(module, pull)
  }

  #end(module: string, pull: Pull): void {
    this.#pulls.delete(module)
    pull.stop.abort()
    this.#ending.add(pull.ended)
    void pull.ended.finally(() => this.#ending.delete(pull.ended))
  }

  async #hold(module: string, pull: Pull): Promise<void> {
    const { signal } = pull.stop
    let failures = 0
    while (!signal.aborted) {
      await sleep(this.#deps.pausedFor(module), signal)
      const queue = this.#deps.queue()
      if (signal.aborted) return
      if (!queue) {
        // A new connection restarts the pulls; this is the fallback.
        await sleep(1000, signal)
        continue
      }
      try {
        const token = await queue.next(module, signal)
        failures = 0
        pull.failing = false
        if (token) await this.#deps.onToken(token)
      } catch (err) {
        failures += 1
        pull.failing = failures > 2
        if (failures === 3)
          this.#deps.logger.warn({ err, module }, 'waiting for tokens failed; polling for work')
        await sleep(backoffMs(failures, { most: 10_000 }), signal)
      }
    }
  }
}
