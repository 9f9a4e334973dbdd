import { join } from 'node:path'
import type { Gpu, InventoryModule } from '@millrace/shared/for-agents'
import type { CatalogueOptions } from './catalogue-options.ts'
import {
  type CatalogueState,
  type InstallOutcome,
  type PassedVersion,
  stateKeeper,
} from './catalogue-state.ts'
import { isSame, type Named, nameModules, smallestFirst } from './detect/name-modules.ts'
import { scanFolders } from './detect/scan-folders.ts'
import { watchFolder } from './detect/watch-folder.ts'
import { interpreterFinder } from './install/interpreter.ts'
import { installAndTest } from './install-and-test.ts'
import { isStillValid } from './install-outcome.ts'
import { openInstallQueue } from './install-queue.ts'
import { detected, inventoryOf, type KnownModule, move, type RunnableModule } from './known-module.ts'
import { hasOtherGpu, hasOtherVariables } from './outdated.ts'
import { openRunnables, passed, passedVersionOf, runnableOf, withdrawn } from './passed-versions.ts'
import { keepPruned } from './pruner.ts'
import { keepRetesting } from './retest.ts'

export type { CatalogueOptions } from './catalogue-options.ts'
export type { RunnableModule } from './known-module.ts'

/** What the agent knows about its modules. */
export type Catalogue = {
  /**
   * Looks at the folders. The first time finds out what there is, and watches them from then on; later times
   * also try failed modules again.
   */
  scan(): Promise<void>
  /** Removes what nobody needs any more, as soon as nothing is installed. */
  prune(): void
  /** Installs and tests a failed module again. */
  retry(name: string): void
  /** Tests an available module again. */
  test(name: string): void
  setEnabled(states: Record<string, 'enabled' | 'disabled'>): void
  /** Modules may have been given other values: those are tried again. */
  variablesChanged(): void
  /** Others may have appeared, or another driver: modules that use one are tried again. */
  gpusChanged(gpus: readonly Gpu[]): void
  inventory(): InventoryModule[]
  /** Exactly the module of a grant, also when a newer one has taken its place meanwhile. */
  find(name: string, version: string, digest: string): RunnableModule | null
  available(): RunnableModule[]
  close(): Promise<void>
}

/** In the queue, among the names of folders: no folder is called that. */
const prune = '/'

export function openCatalogue(o: CatalogueOptions): Catalogue {
  const keeper = stateKeeper(join(o.home, 'catalogue.json'), o.logger)
  const quietMs = o.quietMs ?? 2000
  const modules = new Map<string, KnownModule>()
  const runnables = openRunnables(o.home)
  const queue = openInstallQueue(workOn)
  const pruner = keepPruned({ ...o, runnables, ask: () => queue.add(prune) })
  let memory: CatalogueState | null = null
  let findInterpreter = interpreterFinder(o.own)
  let looking: Promise<void> = Promise.resolve()
  let pruning: Promise<void> = Promise.resolve()
  let lookAgain: NodeJS.Timeout | undefined
  let watcher: ReturnType<typeof watchFolder> | undefined
  const retesting = keepRetesting(o.retestHours ?? 0, () => modules.values(), enqueue, o.now)
  let scanned = false
  let closed = false

  async function look(asked: boolean): Promise<void> {
    if (closed) return
    const known = await recalledState()
    const scanned = await scanFolders({ modulesDir: o.modulesDir, quietMs, known: known.digests })
    const named = nameModules(scanned.found)
    const wanted = named.filter(({ name }) => !o.only?.length || o.only.includes(name))
    for (const found of smallestFirst(wanted)) await take(found, asked)
    forgetGone(named, scanned.changing)
    known.digests = Object.fromEntries(
      named.map((one) => [one.folderName, { stamp: one.listing.stamp, digest: one.digest }]),
    )
    clearTimeout(lookAgain)
    if (scanned.changing.length > 0) scanLater()
    save()
    o.onChange()
  }

  async function recalledState(): Promise<CatalogueState> {
    if (memory) return memory
    memory = await keeper.recall()
    pruning = pruner.atStart(memory)
    return memory
  }

  async function take(found: Named, asked: boolean): Promise<void> {
    const { folderName } = found
    const before = modules.get(folderName)
    if (before && isSame(before.found, found)) {
      before.found = found
      if (asked) await lookAfter(before)
      if (before.status === 'DETECTED') enqueue(before)
      return
    }
    queue.drop(folderName)
    const disabled = before?.disabled ?? memory?.disabled.includes(found.name) ?? false
    const module = detected(found, before ?? (await recalled(folderName)), disabled)
    modules.set(folderName, module)
    if (found.fault) return fail(module, found.fault)
    const remembered = memory?.folders[folderName]?.outcome
    if (remembered?.digest !== found.digest) return enqueue(module)
    module.outcome = remembered
    if (remembered.status === 'ERROR') fail(module, remembered.error ?? 'The installation failed')
    // It passed before with exactly these contents and this interpreter: nothing is left to find out.
    else if (module.runnable?.digest === found.digest) module.status = 'AVAILABLE'
    else return enqueue(module)
    tryOtherVariables(module)
  }

  /** What passed in an earlier life of the agent, and still has all that it passed with. */
  async function recalled(folderName: string): Promise<Pick<KnownModule, 'good' | 'runnable'>> {
    const good: PassedVersion[] = []
    for (const one of memory?.folders[folderName]?.good ?? []) {
      const runnable = runnableOf(o.home, one)
      if (runnable && (await isStillValid(runnable, one.outcome, o.gpus))) good.push(one)
    }
    return { good, runnable: runnables.serving(good) }
  }

  /** Somebody asked for a scan: failed modules get another chance, and so do those whose interpreter went. */
  async function lookAfter(module: KnownModule): Promise<void> {
    if (module.status === 'ERROR') retry(module)
    if (module.status !== 'AVAILABLE' || !module.runnable || !module.outcome) return
    if (await isStillValid(module.runnable, module.outcome, o.gpus)) return
    withdraw(module)
    move(module, 'DETECTED')
    findInterpreter = interpreterFinder(o.own)
  }

  function enqueue(module: KnownModule): void {
    if (!module.disabled) queue.add(module.found.folderName)
  }

  /** What passed before these contents goes on serving. */
  function fail(module: KnownModule, error: string): void {
    move(module, 'ERROR')
    module.error = error
    withdraw(module)
  }

  function withdraw(module: KnownModule): void {
    module.good = withdrawn(module.good, module.found.digest)
    module.runnable = runnables.serving(module.good)
  }

  function pass(module: KnownModule, outcome: InstallOutcome): void {
    move(module, 'AVAILABLE')
    module.error = null
    module.good = passed(module.good, passedVersionOf(module.found, outcome))
    module.runnable = runnables.serving(module.good)
  }

  function forgetGone(named: Named[], changing: string[]): void {
    const there = new Set(named.map((one) => one.folderName))
    for (const folderName of modules.keys()) {
      if (there.has(folderName) || changing.includes(folderName)) continue
      queue.drop(folderName)
      modules.delete(folderName)
      delete memory?.folders[folderName]
    }
  }

  async function workOn(folderName: string, signal: AbortSignal): Promise<void> {
    await pruning
    if (folderName === prune) return memory ? pruner.now(memory) : undefined
    const module = modules.get(folderName)
    if (!module || module.disabled) return
    const { name } = module.found
    const changed = () => {
      if (modules.get(folderName) === module) o.onChange()
    }
    let isKnown = false
    try {
      const ready = await installAndTest({ ...o, module, signal, findInterpreter, changed })
      if (ready === 'called off') return signal.aborted ? undefined : scanLater()
      module.outcome = ready.outcome
      if (ready.outcome.status === 'AVAILABLE') pass(module, ready.outcome)
      else fail(module, ready.outcome.error ?? 'The installation failed')
      isKnown = true
      o.logger.info({ module: name, status: module.status, error: module.error }, 'module checked')
    } catch (error) {
      // A full disk, say: a fault of this machine, which must reach the dashboard all the same.
      o.logger.error({ module: name, err: error }, 'a module could not be installed')
      fail(module, `The installation broke off: ${error instanceof Error ? error.message : String(error)}`)
    }
    if (memory) memory.folders[folderName] = { outcome: module.outcome, good: module.good }
    save()
    changed()
    // What it was tried with may have changed meanwhile.
    if (isKnown && (hasOtherVariables(module, o.variables) || (await isOnOtherGpu(module)))) tryAgain(module)
    // Not waited for: until this has returned, nobody can have the module tested again.
    pruner.pruneIfLow()
  }

  const save = () => memory && keeper.save(memory)

  function scanSoon(asked: boolean): Promise<void> {
    const looked = looking.then(() => look(asked))
    looking = looked.catch((error: unknown) => {
      o.logger.error({ err: error, folder: o.modulesDir }, 'the modules folder could not be read')
    })
    return looked
  }

  function scanLater(): void {
    clearTimeout(lookAgain)
    if (!closed) lookAgain = setTimeout(() => void scanSoon(false), quietMs / 2 + 50)
  }

  function retry(module: KnownModule): void {
    if (module.status !== 'ERROR') return
    if (module.found.fault) {
      scanLater()
      return
    }
    move(module, 'DETECTED')
    module.error = null
    findInterpreter = interpreterFinder(o.own)
    enqueue(module)
    o.onChange()
  }

  /** What failed may work now, and what passed may not: that serves while it is tested. */
  function tryAgain(module: KnownModule): void {
    if (module.status === 'ERROR') retry(module)
    else if (module.status === 'AVAILABLE') enqueue(module)
  }

  const isOnOtherGpu = async (module: KnownModule): Promise<boolean> =>
    module.found.manifest?.resources.usesGpu === true && hasOtherGpu(module, (await o.gpus?.()) ?? [])

  function tryOtherVariables(module: KnownModule): void {
    if (hasOtherVariables(module, o.variables)) tryAgain(module)
  }

  const allNamed = (name: string) => [...modules.values()].filter((module) => module.found.name === name)

  return {
    scan() {
      const asked = scanned
      scanned = true
      watcher ??= watchFolder(o.modulesDir, {
        change: scanLater,
        error: (error) =>
          o.logger.warn({ err: error, folder: o.modulesDir }, 'the folder cannot be watched: ask for a scan'),
      })
      return scanSoon(asked)
    },
    prune: () => queue.add(prune),
    retry: (name) => allNamed(name).forEach(retry),
    test(name) {
      allNamed(name).forEach(tryAgain)
    },
    setEnabled(states) {
      let changed = false
      for (const module of modules.values()) {
        const { name, folderName } = module.found
        const isDisabled = states[name] === undefined ? module.disabled : states[name] === 'disabled'
        if (module.disabled === isDisabled) continue
        changed = true
        module.disabled = isDisabled
        if (isDisabled) queue.drop(folderName)
        else if (module.status !== 'AVAILABLE' && module.status !== 'ERROR') queue.add(folderName)
      }
      if (!changed) return
      if (memory)
        memory.disabled = [...modules.values()].filter((one) => one.disabled).map((one) => one.found.name)
      save()
      o.onChange()
    },
    gpusChanged(gpus) {
      for (const module of modules.values()) if (hasOtherGpu(module, gpus)) tryAgain(module)
    },
    variablesChanged: () => [...modules.values()].forEach(tryOtherVariables),
    inventory: () => [...modules.values()].flatMap(inventoryOf),
    find: runnables.find,
    available: () =>
      [...modules.values()].flatMap((module) =>
        module.runnable && !module.disabled ? [module.runnable] : [],
      ),
    async close() {
      closed = true
      clearTimeout(lookAgain)
      pruner.close()
      retesting.close()
      await watcher?.close()
      await looking
      await queue.close()
      await pruning
      await keeper.close()
    },
  }
}
