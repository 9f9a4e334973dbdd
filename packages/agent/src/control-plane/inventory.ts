import type { InventoryAnswer, InventoryModule } from '@millrace/shared/for-agents'
import { backoffMs, sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import type { AgentSignals } from '../signals/agent-signals.ts'

export type InventoryDeps = {
  modules(): InventoryModule[]
  send(modules: InventoryModule[], signal: AbortSignal): Promise<InventoryAnswer>
  /** The API has recorded these modules. */
  onKnown(answer: InventoryAnswer, modules: InventoryModule[]): void
  signals: Pick<AgentSignals, 'modulesChanged' | 'registered'>
  logger: Logger
  signal: AbortSignal
}

const quietMs = 50

/** Reports this agent's modules to the API: gathers changes, and sends one report at a time. */
export class Inventory {
  readonly #deps: InventoryDeps
  #isOpen = false
  #stale = false
  #sending: Promise<void> | null = null

  constructor(deps: InventoryDeps) {
    this.#deps = deps
    deps.signals.modulesChanged.subscribe('inventory', () => this.#changed())
    deps.signals.registered.subscribe('inventory', () => this.#changed())
  }

  #changed(): void {
    this.#stale = true
    if (this.#isOpen) this.#start()
  }

  /** Starts reporting; earlier changes are only collected. */
  open(): void {
    this.#isOpen = true
    this.#changed()
  }

  async close(): Promise<void> {
    await this.#sending
  }

  #start(): void {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null
      if (this.#stale && !this.#deps.signal.aborted) this.#start()
    })
  }

  async #send(): Promise<void> {
    const { signal, logger } = this.#deps
    for (let failures = 0; this.#stale && !signal.aborted; ) {
      await sleep(quietMs, signal)
      if (signal.aborted) return
      this.#stale = false
      const modules = this.#deps.modules()
      try {
        const answer = await this.#deps.send(modules, signal)
        failures = 0
        this.#deps.onKnown(answer, modules)
      } catch (err) {
        if (signal.aborted) return
        failures += 1
        this.#stale = true
        logger.warn({ err, failures }, 'sending the inventory failed; retrying')
        await sleep(backoffMs(failures), signal)
      }
    }
  }
}
