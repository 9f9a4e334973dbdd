import { totalmem } from 'node:os'
import type { Grant, InventoryAnswer, InventoryModule, Offer } from '@millrace/shared'
import type { Gpus } from './gpus.ts'
import type { Program, Programs } from './programs.ts'
import { chooseGpu, isReached, type Limit, type Occupied, offersOf, type Space } from './room.ts'

export type OfferingDeps = {
  programs: Programs
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
    const occupied = this.#deps.occupied()
    const offered = this.#deps.programs
      .available()
      .filter((module) =>
        this.#known.some(({ name, digest }) => name === module.name && digest === module.digest),
      )
      // Not "no room for it", which would hold back all that is less urgent.
      .filter((program) => !isReached(limitOf(program), occupied))
    return offersOf(offered, this.#space())
  }

  /** The room that a granted task takes up, and the GPU it gets. */
  place({ module: { name, version, digest } }: Grant): Occupied {
    const program = this.#deps.programs.find(name, version, digest)
    const needs = program?.manifest.resources ?? nothing
    return { ...needs, gpu: chooseGpu(needs, this.#space()), worker: program && limitOf(program)?.worker }
  }

  #space(): Space {
    const { maxRuns, gpus, occupied } = this.#deps
    return { maxRuns, ramBytes, gpus: gpus.current, occupied: occupied() }
  }
}

const limitOf = (program: Program): Limit | null => ('limit' in program ? program.limit : null)
const ramBytes = totalmem()
const nothing = { minRamBytes: 0, minVramBytes: 0, usesGpu: false }
