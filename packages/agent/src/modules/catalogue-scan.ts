import type { CatalogueOptions } from './catalogue-options.ts'
import type { CatalogueRecords } from './catalogue-records.ts'
import type { CatalogueWork } from './catalogue-work.ts'
import { isSame, type Named, nameModules, smallestFirst } from './detect/name-modules.ts'
import { scanFolders } from './detect/scan-folders.ts'
import { watchFolder } from './detect/watch-folder.ts'
import { detected } from './known-module.ts'

/** Compares the modules folder with the records, on every change and on request. */
export class CatalogueScan {
  readonly #options: CatalogueOptions
  readonly #records: CatalogueRecords
  readonly #work: CatalogueWork
  readonly #quietMs: number
  #watcher: ReturnType<typeof watchFolder> | undefined
  #looking: Promise<void> = Promise.resolve()
  #lookAgain: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: CatalogueOptions, records: CatalogueRecords, work: CatalogueWork) {
    this.#options = options
    this.#records = records
    this.#work = work
    this.#quietMs = options.quietMs ?? 2000
    work.calledOff.subscribe('scan', () => this.#scanLater())
  }

  /** The first call scans the folder and starts watching it; later calls also retry failed modules. */
  now(): Promise<void> {
    const { modulesDir, logger } = this.#options
    const isAsked = this.#watcher !== undefined
    this.#watcher ??= watchFolder(modulesDir, {
      change: () => this.#scanLater(),
      error: (err) =>
        logger.warn(
          { err, folder: modulesDir },
          'the modules folder cannot be watched; request a scan after changes',
        ),
    })
    return this.#scan(isAsked)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#lookAgain)
    await this.#watcher?.close()
    await this.#looking
  }

  #scan(isAsked: boolean): Promise<void> {
    const { modulesDir, logger } = this.#options
    const looked = this.#looking.then(() => this.#look(isAsked))
    this.#looking = looked.catch((err: unknown) => {
      logger.error({ err, folder: modulesDir }, 'the modules folder could not be read')
    })
    return looked
  }

  #scanLater(): void {
    clearTimeout(this.#lookAgain)
    if (!this.#isClosed) this.#lookAgain = setTimeout(() => void this.#scan(false), this.#quietMs / 2 + 50)
  }

  async #look(isAsked: boolean): Promise<void> {
    if (this.#isClosed) return
    const { modulesDir, only, signals } = this.#options
    const state = this.#records.state ?? (await this.#recall())
    const scanned = await scanFolders({ modulesDir, quietMs: this.#quietMs, known: state.digests })
    const named = nameModules(scanned.found)
    const wanted = named.filter(({ name }) => !only?.length || only.includes(name))
    for (const found of smallestFirst(wanted)) await this.#take(found, isAsked)
    this.#forgetGone(named, scanned.changing)
    this.#records.rememberDigests(named)
    clearTimeout(this.#lookAgain)
    if (scanned.changing.length > 0) this.#scanLater()
    this.#records.save()
    signals.modulesChanged.emit()
  }

  async #recall() {
    const state = await this.#records.recall()
    this.#work.pruneAtStart()
    return state
  }

  async #take(found: Named, isAsked: boolean): Promise<void> {
    const { folderName } = found
    const records = this.#records
    const before = records.modules.get(folderName)
    if (before && isSame(before.found, found)) {
      before.found = found
      if (isAsked) await this.#work.checkAgain(before)
      if (before.status === 'DETECTED') this.#work.enqueue(before)
      return
    }
    this.#work.drop(folderName)
    const isDisabled = before?.disabled ?? records.state?.disabled.includes(found.name) ?? false
    const module = detected(found, before ?? (await records.recalled(folderName)), isDisabled)
    records.modules.set(folderName, module)
    if (found.fault) return records.fail(module, found.fault)
    const remembered = records.state?.folders[folderName]?.outcome
    if (remembered?.digest !== found.digest) return this.#work.enqueue(module)
    module.outcome = remembered
    if (remembered.status === 'ERROR') records.fail(module, remembered.error ?? 'The installation failed')
    // It passed before with exactly these contents and this interpreter, so no test is needed.
    else if (module.runnable?.digest === found.digest) module.status = 'AVAILABLE'
    else return this.#work.enqueue(module)
    this.#work.tryOtherVariables(module)
  }

  #forgetGone(named: readonly Named[], changing: readonly string[]): void {
    const present = new Set(named.map((one) => one.folderName))
    for (const folderName of this.#records.modules.keys()) {
      if (present.has(folderName) || changing.includes(folderName)) continue
      this.#work.drop(folderName)
      this.#records.forget(folderName)
    }
  }
}
