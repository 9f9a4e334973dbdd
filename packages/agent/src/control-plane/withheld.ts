import type { InventoryAnswer, InventoryModule } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'

type One = NonNullable<InventoryAnswer['withheld']>[number]

/** The modules for which the API gives this agent's key no tasks; the agent does not offer them. */
export class Withheld {
  readonly #logger: Logger
  readonly #logged = new Set<string>()
  #all: readonly One[] = []

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Updates from the API's answer to a report. Logs each reason once. */
  learn({ withheld = [] }: InventoryAnswer): void {
    this.#all = withheld
    for (const { name, version, digest, reason } of withheld) {
      const key = `${name} ${version} ${digest} ${reason}`
      if (this.#logged.has(key)) continue
      this.#logged.add(key)
      this.#logger.warn({ module: name, version, digest, reason }, 'this module gets no tasks')
    }
  }

  has({ name, version, digest }: Pick<InventoryModule, 'name' | 'version' | 'digest'>): boolean {
    return this.#all.some((one) => one.name === name && one.version === version && one.digest === digest)
  }

  /** Whether the API has approved a module since; the next report's answer then omits it. */
  isOutdated(awaiting: number | undefined): boolean {
    return awaiting !== undefined && awaiting < this.#all.filter((one) => one.needsApproval).length
  }
}
