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

/** What is known of each folder, across restarts too, and which of its contents serve. */
export class CatalogueRecords {
  /** By folder name. */
  readonly modules = new Map<string, KnownModule>()
  readonly runnables: ReturnType<typeof openRunnables>
  readonly #options: CatalogueOptions
  readonly #keeper: ReturnType<typeof stateKeeper>
  /** `null` until it was recalled. */
  state: CatalogueState | null = null

  constructor(options: CatalogueOptions) {
    this.#options = options
    this.#keeper = stateKeeper(join(options.home, 'catalogue.json'), options.logger)
    this.runnables = openRunnables(options.home)
  }

  /** What a former process left. */
  async recall(): Promise<CatalogueState> {
    this.state = await this.#keeper.recall()
    return this.state
  }

  /** Contents of a folder that passed before, and still have all that they passed with. */
  async recalled(folderName: string): Promise<Pick<KnownModule, 'good' | 'runnable'>> {
    const { home, gpus } = this.#options
    const good: PassedVersion[] = []
    for (const one of this.state?.folders[folderName]?.good ?? []) {
      const runnable = runnableOf(home, one)
      if (runnable && (await isStillValid(runnable, one.outcome, gpus))) good.push(one)
    }
    return { good, runnable: this.runnables.serving(good) }
  }

  /** Its contents passed, and serve from now on. */
  pass(module: KnownModule, outcome: InstallOutcome): void {
    move(module, 'AVAILABLE')
    module.error = null
    module.good = passed(module.good, passedVersionOf(module.found, outcome))
    module.runnable = this.runnables.serving(module.good)
  }

  /** What passed before these contents keeps serving. */
  fail(module: KnownModule, error: string): void {
    move(module, 'ERROR')
    module.error = error
    this.withdraw(module)
  }

  /** Its contents serve no more. */
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

  /** So that digests are not computed again for folders that nothing touched. */
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
