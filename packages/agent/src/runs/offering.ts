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
  /** The current runs of a configured worker. */
  runsOf(worker: string): number
  /** Whether the machine has any GPU. */
  hasGpu(): boolean
}

/** The offers of this agent: the runs that it could claim now. */
export class Offering {
  readonly #deps: OfferingDeps
  #known: InventoryModule[] = []
  #isAccepting = true

  constructor(deps: OfferingDeps) {
    this.#deps = deps
    deps.signals.roomWanted.subscribe('offering', (wanted) => this.#keepRoom(wanted))
  }

  /** While paused or draining, the agent offers nothing. */
  setAccepting(accepting: boolean): void {
    this.#isAccepting = accepting
  }

  /** The API has recorded these modules; the agent may offer no others. */
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
        // Left out, since an offer without room would make the API hold back less urgent tasks.
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

  /** Reserves room for a claimed run. */
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

  /** Keeps room for a more urgent task at the API that does not fit now. */
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
