import type { InventoryAnswer, InventoryModule } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'

type One = NonNullable<InventoryAnswer['withheld']>[number]

/** What of this agent's modules the API gives no tasks, because of the key: to offer it would be of no use. */
export class Withheld {
  readonly #logger: Logger
  readonly #logged = new Set<string>()
  #all: readonly One[] = []

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** The API has answered to a report. Each reason is logged once. */
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

  /** Whether something has been approved since, which the answer to the next report will name no more. */
  isOutdated(awaiting: number | undefined): boolean {
    return awaiting !== undefined && awaiting < this.#all.filter((one) => one.needsApproval).length
  }
}
