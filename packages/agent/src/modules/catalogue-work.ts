import { Signal } from '../signals/signal.ts'
import type { CatalogueOptions } from './catalogue-options.ts'
import type { CatalogueRecords } from './catalogue-records.ts'
import { type FindInterpreter, interpreterFinder } from './install/interpreter.ts'
import { installAndTest } from './install-and-test.ts'
import { isStillValid } from './install-outcome.ts'
import { openInstallQueue } from './install-queue.ts'
import { type KnownModule, move } from './known-module.ts'
import { hasOtherGpu, hasOtherVariables } from './outdated.ts'
import { keepPruned } from './pruner.ts'

/** The key of pruning in the queue, where the other keys are folder names: no folder has this name. */
const prune = '/'

/** Installs, tests and prunes, one thing at a time. */
export class CatalogueWork {
  /** A folder changed during its installation, so its result is unknown: scan it again. */
  readonly calledOff = new Signal()
  readonly #options: CatalogueOptions
  readonly #records: CatalogueRecords
  readonly #queue = openInstallQueue((folderName, signal) => this.#work(folderName, signal))
  readonly #pruner: ReturnType<typeof keepPruned>
  #pruning: Promise<void> = Promise.resolve()
  #findInterpreter: FindInterpreter

  constructor(options: CatalogueOptions, records: CatalogueRecords) {
    this.#options = options
    this.#records = records
    this.#findInterpreter = interpreterFinder(options.own)
    const { runnables } = records
    this.#pruner = keepPruned({ ...options, runnables, ask: () => this.prune() })
  }

  /** No module runs yet, so environments of former contents can go. */
  pruneAtStart(): void {
    if (this.#records.state) this.#pruning = this.#pruner.atStart(this.#records.state)
  }

  prune(): void {
    this.#queue.add(prune)
  }

  enqueue = (module: KnownModule): void => {
    if (!module.disabled) this.#queue.add(module.found.folderName)
  }

  drop(folderName: string): void {
    this.#queue.drop(folderName)
  }

  /** Installs a failed module again, with the interpreters that this machine has now. */
  retry = (module: KnownModule): void => {
    if (module.status !== 'ERROR') return
    if (module.found.fault) {
      this.calledOff.emit()
      return
    }
    move(module, 'DETECTED')
    module.error = null
    this.#findInterpreter = interpreterFinder(this.#options.own)
    this.enqueue(module)
    this.#options.signals.modulesChanged.emit()
  }

  /** A failed module may work now, and an available one may fail; the latter serves during its test. */
  tryAgain = (module: KnownModule): void => {
    if (module.status === 'ERROR') this.retry(module)
    else if (module.status === 'AVAILABLE') this.enqueue(module)
  }

  tryOtherVariables = (module: KnownModule): void => {
    if (hasOtherVariables(module, this.#options.variables)) this.tryAgain(module)
  }

  /** On a requested scan: installs a module again if its interpreter or environment has gone. */
  async checkAgain(module: KnownModule): Promise<void> {
    if (module.status === 'ERROR') this.retry(module)
    if (module.status !== 'AVAILABLE' || !module.runnable || !module.outcome) return
    if (await isStillValid(module.runnable, module.outcome, this.#options.gpus)) return
    this.#records.withdraw(module)
    move(module, 'DETECTED')
    this.#findInterpreter = interpreterFinder(this.#options.own)
  }

  async close(): Promise<void> {
    this.#pruner.close()
    await this.#queue.close()
    await this.#pruning
  }

  async #work(folderName: string, signal: AbortSignal): Promise<void> {
    await this.#pruning
    const { state, modules } = this.#records
    if (folderName === prune) return state ? this.#pruner.now(state) : undefined
    const module = modules.get(folderName)
    if (!module || module.disabled) return
    const isKnown = await this.#installAndTest(module, signal)
    if (isKnown === null) return signal.aborted ? undefined : this.calledOff.emit()
    this.#records.remember(module)
    this.#changed(module)
    // Its variables or the GPU may have changed during the test.
    const { variables } = this.#options
    if (isKnown && (hasOtherVariables(module, variables) || (await this.#isOnOtherGpu(module))))
      this.tryAgain(module)
    // Not awaited: until this method returns, the module cannot be queued again.
    this.#pruner.pruneIfLow()
  }

  /** Whether the installation reached a result of the module; `null` when it was cancelled. */
  async #installAndTest(module: KnownModule, signal: AbortSignal): Promise<boolean | null> {
    const { logger } = this.#options
    const { name } = module.found
    const findInterpreter = this.#findInterpreter
    const changed = () => this.#changed(module)
    try {
      const ready = await installAndTest({ ...this.#options, module, signal, findInterpreter, changed })
      if (ready === 'called off') return null
      module.outcome = ready.outcome
      if (ready.outcome.status === 'AVAILABLE') this.#records.pass(module, ready.outcome)
      else this.#records.fail(module, ready.outcome.error ?? 'The installation failed')
      logger.info({ module: name, status: module.status, error: module.error }, 'module checked')
      return true
    } catch (error) {
      // A fault of this machine, such as a full disk, must also reach the dashboard.
      logger.error({ module: name, err: error }, 'a module could not be installed')
      const message = error instanceof Error ? error.message : String(error)
      this.#records.fail(module, `The installation failed: ${message}`)
      return false
    }
  }

  /** Reports nothing when the folder has become another module meanwhile. */
  #changed(module: KnownModule): void {
    if (this.#records.modules.get(module.found.folderName) === module)
      this.#options.signals.modulesChanged.emit()
  }

  async #isOnOtherGpu(module: KnownModule): Promise<boolean> {
    if (module.found.manifest?.resources.usesGpu !== true) return false
    return hasOtherGpu(module, (await this.#options.gpus?.()) ?? [])
  }
}
