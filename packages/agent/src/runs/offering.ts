import {
  type Grant,
  type InventoryAnswer,
  type InventoryModule,
  moduleKey,
  type Offer,
} from '@millrace/shared/for-agents'
import type { LearnedNeeds } from '../admission/learned-needs.ts'
import type { Ledger } from '../admission/ledger.ts'
import type { Needs, Reservation, ReservationRequest } from '../admission/reservation.ts'
import type { Withheld } from '../control-plane/withheld.ts'
import type { AgentSignals } from '../signals/agent-signals.ts'
import type { Program, Programs } from './programs.ts'

export type OfferingDeps = {
  signals: Pick<AgentSignals, 'roomWanted'>
  programs: Programs
  ledger: Ledger
  learned: LearnedNeeds
  withheld: Withheld
  /** Runs of a configured worker that are under way. */
  runsOf(worker: string): number
  /** Whether there is a GPU at all. */
  hasGpu(): boolean
}

/** What this agent can take on at the moment. */
export class Offering {
  readonly #deps: OfferingDeps
  #known: InventoryModule[] = []
  #isAccepting = true

  constructor(deps: OfferingDeps) {
    this.#deps = deps
    deps.signals.roomWanted.subscribe('offering', (wanted) => this.#keepRoom(wanted))
  }

  /** Paused or draining: nothing is offered. */
  setAccepting(accepting: boolean): void {
    this.#isAccepting = accepting
  }

  /** The API took note of these modules: only such may be offered. */
  apiKnows(answer: InventoryAnswer, modules: InventoryModule[]): void {
    this.#deps.learned.learn(answer)
    this.#deps.withheld.learn(answer)
    this.#known = modules.filter(
      (module) =>
        module.status === 'AVAILABLE' &&
        answer.modules[module.name] !== 'disabled' &&
        !this.#deps.withheld.has(module),
    )
  }

  offers(): Offer[] {
    if (!this.#isAccepting) return []
    const { programs, ledger } = this.#deps
    return (
      programs
        .available()
        .filter((module) =>
          this.#known.some(({ name, digest }) => name === module.name && digest === module.digest),
        )
        // Not "no room for it", which would hold back all that is less urgent.
        .filter((program) => this.#canEverRun(program))
        .map((program) => ({
          module: program.name,
          version: program.version,
          digest: program.digest,
          max: ledger.roomFor(this.#wishOf(program)),
          warm: ledger.idleOf(moduleKey(program)).length,
        }))
    )
  }

  /** Promises room to a granted task. */
  reservation({ module, task }: Grant): Reservation {
    const program = this.#deps.programs.find(module.name, module.version, module.digest)
    const wish = program
      ? this.#wishOf(program)
      : { key: moduleKey(module), module: module.name, needs: nothing }
    return this.#deps.ledger.take({
      ...wish,
      worker: program && limitOf(program)?.worker,
      isAlone: task?.alone,
    })
  }

  /** The API has something more urgent waiting, for which there is no room. */
  #keepRoom({ module, version }: { module: string; version: string }): void {
    const program = this.#deps.programs
      .available()
      .find((one) => one.name === module && one.version === version)
    if (program) this.#deps.ledger.keep(this.#wishOf(program))
  }

  #wishOf = (program: Program): ReservationRequest => ({
    key: moduleKey(program),
    module: program.name,
    needs: this.#deps.learned.needsOf(program.digest, program.manifest),
  })

  #canEverRun(program: Program): boolean {
    if (program.manifest.resources.usesGpu && !this.#deps.hasGpu()) return false
    const limit = limitOf(program)
    if (!limit) return true
    return this.#deps.runsOf(limit.worker) < limit.runs
  }
}

const limitOf = (program: Program) => ('limit' in program ? program.limit : null)
const nothing: Needs = { usesGpu: false, ramBytes: 0, vramBytes: 0 }
