import { join } from 'node:path'
import type { CatalogueOptions } from './catalogue-options.ts'
import {
  type CatalogueState,
  type InstallOutcome,
  type PassedVersion,
  stateKeeper,
} from './catalogue-state.ts'
import type { Named } from './detect/name-modules.ts'
import { isStillValid } from './install-outcome.ts'
import { type KnownModule, move } from './known-module.ts'
import { openRunnables, passed, passedVersionOf, runnableOf, withdrawn } from './passed-versions.ts'

/** What the agent knows of each folder, across restarts, and which contents serve. */
export class CatalogueRecords {
  /** By folder name. */
  readonly modules = new Map<string, KnownModule>()
  readonly runnables: ReturnType<typeof openRunnables>
  readonly #options: CatalogueOptions
  readonly #keeper: ReturnType<typeof stateKeeper>
  /** `null` until `recall` has read it. */
  state: CatalogueState | null = null

  constructor(options: CatalogueOptions) {
    this.#options = options
    this.#keeper = stateKeeper(join(options.home, 'catalogue.json'), options.logger)
    this.runnables = openRunnables(options.home)
  }

  /** Reads the state that an earlier process saved. */
  async recall(): Promise<CatalogueState> {
    this.state = await this.#keeper.recall()
    return this.state
  }

  /** Contents of a folder that passed before and whose interpreter, environment and driver have not changed. */
  async recalled(folderName: string): Promise<Pick<KnownModule, 'good' | 'runnable'>> {
    const { home, gpus } = this.#options
    const good: PassedVersion[] = []
    for (const one of this.state?.folders[folderName]?.good ?? []) {
      const runnable = runnableOf(home, one)
      if (runnable && (await isStillValid(runnable, one.outcome, gpus))) good.push(one)
    }
    return { good, runnable: this.runnables.serving(good) }
  }

  /** The module's contents passed and serve from now on. */
  pass(module: KnownModule, outcome: InstallOutcome): void {
    move(module, 'AVAILABLE')
    module.error = null
    module.good = passed(module.good, passedVersionOf(module.found, outcome))
    module.runnable = this.runnables.serving(module.good)
  }

  /** Earlier contents that passed keep serving. */
  fail(module: KnownModule, error: string): void {
    move(module, 'ERROR')
    module.error = error
    this.withdraw(module)
  }

  /** The module's contents stop serving. */
  withdraw(module: KnownModule): void {
    module.good = withdrawn(module.good, module.found.digest)
    module.runnable = this.runnables.serving(module.good)
  }

  remember({ found, outcome, good }: KnownModule): void {
    if (this.state) this.state.folders[found.folderName] = { outcome, good }
    this.save()
  }

  forget(folderName: string): void {
    this.modules.delete(folderName)
    delete this.state?.folders[folderName]
  }

  /** Saves computing the digests of unchanged folders again. */
  rememberDigests(named: readonly Named[]): void {
    if (!this.state) return
    this.state.digests = Object.fromEntries(
      named.map((one) => [one.folderName, { stamp: one.listing.stamp, digest: one.digest }]),
    )
  }

  rememberDisabled(): void {
    if (this.state)
      this.state.disabled = [...this.modules.values()]
        .filter((one) => one.disabled)
        .map((one) => one.found.name)
    this.save()
  }

  save(): void {
    if (this.state) this.#keeper.save(this.state)
  }

  close(): Promise<void> {
    return this.#keeper.close()
  }
}
