import { join } from 'node:path'
import type { InventoryModule, LogLine, Manifest } from '@millrace/shared'
import type { Watchdog } from '../process/watchdog.ts'
import { interpreterFinder } from './interpreter.ts'
import { detected, inventoryOf, type KnownModule, move, type RunnableModule } from './known-module.ts'
import { makeReady } from './make-ready.ts'
import { type Memory, recall, remember } from './memory.ts'
import { type Named, nameModules } from './name-modules.ts'
import { runnableFrom, stillGood } from './remembered.ts'
import { sweepUnused } from './sweep-unused.ts'
import { takeStock } from './take-stock.ts'
import { openWorkQueue } from './work-queue.ts'

export type { RunnableModule } from './known-module.ts'

/** What the agent knows about its modules. */
export type Catalogue = {
  /** Looks at the folders. The first time finds out what there is; later times also try failed modules again. */
  scan(): Promise<void>
  /** Installs and tests a failed module again. */
  retry(name: string): void
  /** Tests an available module again. */
  test(name: string): void
  setEnabled(states: Record<string, 'enabled' | 'disabled'>): void
  inventory(): InventoryModule[]
  /** Exactly the module of a grant, also when a newer one has taken its place meanwhile. */
  find(name: string, version: string, digest: string): RunnableModule | null
  available(): RunnableModule[]
  close(): Promise<void>
}

type Log = (detail: object, message: string) => void

export type CatalogueOptions = {
  modulesDir: string
  home: string
  own: NodeJS.ProcessEnv
  watchdog: Watchdog
  logger: { info: Log; warn: Log; error: Log }
  onChange(): void
  onInstallLines(module: string, digest: string, lines: LogLine[]): void
  /** The GPU that tests run on, by uuid. */
  gpu?: string
  /** Waits for room on the GPU before a test, and gives it back after. */
  reserve?(manifest: Manifest, signal: AbortSignal): Promise<{ release(): void }>
  /** How long a folder must be left alone before it counts as complete. */
  quietMs?: number
  /** Between the steps of stopping an installation. */
  graceMs?: number
}

export function openCatalogue(o: CatalogueOptions): Catalogue {
  const file = join(o.home, 'catalogue.json')
  const quietMs = o.quietMs ?? 2000
  const modules = new Map<string, KnownModule>()
  const runnables = new Map<string, RunnableModule>()
  const queue = openWorkQueue(workOn)
  let memory: Memory | null = null
  let findInterpreter = interpreterFinder(o.own)
  let looking: Promise<void> = Promise.resolve()
  let saving: Promise<void> = Promise.resolve()
  let sweeping: Promise<void> = Promise.resolve()
  let lookAgain: NodeJS.Timeout | undefined
  let scanned = false
  let closed = false

  async function look(asked: boolean): Promise<void> {
    if (closed) return
    const known = await memoryAtHand()
    const stock = await takeStock({ modulesDir: o.modulesDir, quietMs, known: known.digests })
    const named = nameModules(stock.found)
    for (const found of quickestFirst(named)) await take(found, asked)
    forgetGone(named, stock.restless)
    known.digests = Object.fromEntries(
      named.map((one) => [one.folderName, { stamp: one.listing.stamp, digest: one.digest }]),
    )
    clearTimeout(lookAgain)
    if (stock.restless.length > 0) scanLater()
    save()
    o.onChange()
  }

  async function memoryAtHand(): Promise<Memory> {
    if (memory) return memory
    const recalled = await recall(file)
    if (recalled.fault)
      o.logger.warn(
        { file, fault: recalled.fault },
        'the catalogue could not be read: modules are tested anew',
      )
    memory = recalled.memory
    sweeping = sweepUnused(o.home, memory).catch((error: unknown) => {
      o.logger.warn({ err: error }, 'unused environments could not be removed')
    })
    return memory
  }

  async function take(found: Named, asked: boolean): Promise<void> {
    const before = modules.get(found.name)
    if (before?.found.digest === found.digest && before.found.fault === found.fault) {
      before.found = found
      if (asked) await lookAfter(before)
      if (before.status === 'DETECTED') enqueue(before)
      return
    }
    queue.drop(found.name)
    const disabled = before?.disabled ?? memory?.disabled.includes(found.name) ?? false
    const module = detected(found, before, disabled)
    modules.set(found.name, module)
    if (found.fault) return fail(module, found.fault)
    const remembered = memory?.modules[found.name]
    if (remembered?.digest !== found.digest) return enqueue(module)
    if (remembered.status === 'ERROR') {
      module.outcome = remembered
      return fail(module, remembered.error ?? 'The installation failed')
    }
    const runnable = runnableFrom({ home: o.home, found, python: remembered.python ?? '' })
    if (!runnable || !(await stillGood(runnable, remembered))) return enqueue(module)
    module.outcome = remembered
    // It passed before with exactly these contents and this interpreter: nothing is left to find out.
    module.status = 'AVAILABLE'
    offer(module, runnable)
  }

  /** Somebody asked for a scan: failed modules get another chance, and so do those whose interpreter went. */
  async function lookAfter(module: KnownModule): Promise<void> {
    if (module.status === 'ERROR') retry(module.found.name)
    if (module.status !== 'AVAILABLE' || !module.runnable || !module.outcome) return
    if (await stillGood(module.runnable, module.outcome)) return
    move(module, 'DETECTED')
    findInterpreter = interpreterFinder(o.own)
  }

  function enqueue(module: KnownModule): void {
    if (!module.disabled) queue.add(module.found.name)
  }

  /** A failed module is taken out of use, the version before it too: what runs must be what is shown. */
  function fail(module: KnownModule, error: string): void {
    move(module, 'ERROR')
    module.error = error
    module.runnable = null
  }

  function offer(module: KnownModule, runnable: RunnableModule): void {
    move(module, 'AVAILABLE')
    module.error = null
    module.runnable = runnable
    runnables.set(keyOf(runnable.name, runnable.version, runnable.digest), runnable)
  }

  function forgetGone(named: Named[], restless: string[]): void {
    const names = new Set(named.map((one) => one.name))
    for (const [name, module] of modules) {
      if (names.has(name) || restless.includes(module.found.folderName)) continue
      queue.drop(name)
      modules.delete(name)
      delete memory?.modules[name]
    }
  }

  async function workOn(name: string, signal: AbortSignal): Promise<void> {
    await sweeping
    const module = modules.get(name)
    if (!module || module.disabled) return
    const changed = () => {
      if (modules.get(name) === module) o.onChange()
    }
    try {
      const ready = await makeReady({ ...o, module, signal, findInterpreter, changed })
      if (ready === 'called off') return signal.aborted ? undefined : scanLater()
      module.outcome = ready.outcome
      if (ready.runnable) offer(module, ready.runnable)
      else fail(module, ready.outcome.error ?? 'The installation failed')
      if (memory) memory.modules[name] = ready.outcome
      o.logger.info({ module: name, status: module.status, error: module.error }, 'module checked')
    } catch (error) {
      // A full disk, say: a fault of this machine, which must reach the dashboard all the same.
      o.logger.error({ module: name, err: error }, 'a module could not be installed')
      fail(module, `The installation broke off: ${error instanceof Error ? error.message : String(error)}`)
    }
    save()
    changed()
  }

  function save(): void {
    if (!memory) return
    const now = structuredClone(memory)
    saving = saving
      .then(() => remember(file, now))
      .catch((error: unknown) => {
        o.logger.error({ err: error, file }, 'the catalogue could not be saved')
      })
  }

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

  function retry(name: string): void {
    const module = modules.get(name)
    if (module?.status !== 'ERROR') return
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

  return {
    scan() {
      const asked = scanned
      scanned = true
      return scanSoon(asked)
    },
    retry,
    test(name) {
      const module = modules.get(name)
      if (module?.status === 'ERROR') retry(name)
      else if (module?.status === 'AVAILABLE') enqueue(module)
    },
    setEnabled(states) {
      let changed = false
      for (const [name, state] of Object.entries(states)) {
        const module = modules.get(name)
        if (!module || module.disabled === (state === 'disabled')) continue
        changed = true
        module.disabled = state === 'disabled'
        if (module.disabled) queue.drop(name)
        else if (module.status !== 'AVAILABLE' && module.status !== 'ERROR') queue.add(name)
      }
      if (!changed) return
      if (memory)
        memory.disabled = [...modules.values()].filter((one) => one.disabled).map((one) => one.found.name)
      save()
      o.onChange()
    },
    inventory: () => [...modules.values()].map(inventoryOf),
    find: (name, version, digest) => runnables.get(keyOf(name, version, digest)) ?? null,
    available: () =>
      [...modules.values()].flatMap((module) =>
        module.runnable && !module.disabled ? [module.runnable] : [],
      ),
    async close() {
      closed = true
      clearTimeout(lookAgain)
      await looking
      await queue.close()
      await sweeping
      await saving
    },
  }
}

const keyOf = (name: string, version: string, digest: string): string => `${name}@${version}#${digest}`

/** What needs nothing installed is ready at once: it does not wait behind what takes minutes. */
function quickestFirst(named: readonly Named[]): Named[] {
  const needsMuch = ({ listing, manifest }: Named) =>
    listing.entries.some((entry) => entry.path === manifest?.requirementsFile)
  return named.toSorted((a, b) => Number(needsMuch(a)) - Number(needsMuch(b)))
}
