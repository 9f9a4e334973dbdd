import { totalmem } from 'node:os'
import type { Grant, InventoryAnswer, InventoryModule, Offer } from '@millrace/shared'
import type { Gpus } from './gpus.ts'
import type { Catalogue } from './modules/catalogue.ts'
import { chooseGpu, type Occupied, offersOf, type Space } from './room.ts'

export type OfferingDeps = {
  catalogue: Catalogue
  gpus: Gpus
  maxRuns: number
  occupied(): Occupied[]
}

/** What this agent can take on at the moment. */
export class Offering {
  readonly #deps: OfferingDeps
  #known: InventoryModule[] = []
  #isAccepting = true

  constructor(deps: OfferingDeps) {
    this.#deps = deps
  }

  /** Paused or draining: nothing is offered. */
  setAccepting(accepting: boolean): void {
    this.#isAccepting = accepting
  }

  /** The API took note of these modules: only such may be offered. */
  apiKnows(answer: InventoryAnswer, modules: InventoryModule[]): void {
    this.#known = modules.filter(
      ({ name, status }) => status === 'AVAILABLE' && answer.modules[name] !== 'disabled',
    )
  }

  offers(): Offer[] {
    if (!this.#isAccepting) return []
    const offered = this.#deps.catalogue
      .available()
      .filter((module) =>
        this.#known.some(({ name, digest }) => name === module.name && digest === module.digest),
      )
    return offersOf(offered, this.#space())
  }

  /** The room that a granted task takes up, and the GPU it gets. */
  place({ module: { name, version, digest } }: Grant): Occupied {
    const needs = this.#deps.catalogue.find(name, version, digest)?.manifest.resources ?? nothing
    return { ...needs, gpu: chooseGpu(needs, this.#space()) }
  }

  #space(): Space {
    const { maxRuns, gpus, occupied } = this.#deps
    return { maxRuns, ramBytes, gpus: gpus.current, occupied: occupied() }
  }
}

const ramBytes = totalmem()
const nothing = { minRamBytes: 0, minVramBytes: 0, usesGpu: false }
