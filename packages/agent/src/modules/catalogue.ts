import type { InventoryModule } from '@millrace/shared/for-agents'
import type { CatalogueOptions } from './catalogue-options.ts'
import { CatalogueRecords } from './catalogue-records.ts'
import { CatalogueScan } from './catalogue-scan.ts'
import { CatalogueWork } from './catalogue-work.ts'
import { inventoryOf, type KnownModule, type RunnableModule } from './known-module.ts'
import { hasOtherGpu } from './outdated.ts'
import { keepRetesting } from './retest.ts'

export type { CatalogueOptions } from './catalogue-options.ts'
export type { RunnableModule } from './known-module.ts'

/** What the agent knows about its modules. */
export type Catalogue = {
  /**
   * Scans the modules folder. The first call also starts watching it; later calls also
   * retry failed modules.
   */
  scan(): Promise<void>
  /** Installs and tests a failed module again. */
  retry(name: string): void
  /** Tests an available module again. */
  test(name: string): void
  setEnabled(states: Record<string, 'enabled' | 'disabled'>): void
  inventory(): InventoryModule[]
  /** The exact module of an assignment, even if a newer one has replaced it meanwhile. */
  find(name: string, version: string, digest: string): RunnableModule | null
  available(): RunnableModule[]
  close(): Promise<void>
}

export function openCatalogue(o: CatalogueOptions): Catalogue {
  const records = new CatalogueRecords(o)
  const work = new CatalogueWork(o, records)
  const scan = new CatalogueScan(o, records, work)
  const all = () => [...records.modules.values()]
  const named = (name: string) => all().filter((module) => module.found.name === name)
  const retesting = keepRetesting(o.retestHours ?? 0, all, work.enqueue, o.now)
  followSignals(o, work, all)
  return {
    scan: () => scan.now(),
    retry: (name) => named(name).forEach(work.retry),
    test: (name) => named(name).forEach(work.tryAgain),
    setEnabled(states) {
      const changed = all().filter(({ found, disabled }) => {
        const wanted = states[found.name]
        return wanted !== undefined && (wanted === 'disabled') !== disabled
      })
      for (const module of changed) {
        module.disabled = !module.disabled
        if (module.disabled) work.drop(module.found.folderName)
        else if (module.status !== 'AVAILABLE' && module.status !== 'ERROR') work.enqueue(module)
      }
      if (changed.length === 0) return
      records.rememberDisabled()
      o.signals.modulesChanged.emit()
    },
    inventory: () => all().flatMap(inventoryOf),
    find: records.runnables.find,
    available: () => all().flatMap(({ runnable, disabled }) => (runnable && !disabled ? [runnable] : [])),
    async close() {
      retesting.close()
      await scan.close()
      await work.close()
      await records.close()
    },
  }
}

/** The variables of modules or the GPUs may have changed, so affected modules are tested again. */
function followSignals({ signals }: CatalogueOptions, work: CatalogueWork, all: () => KnownModule[]): void {
  signals.settingsChanged.subscribe('catalogue', () => all().forEach(work.tryOtherVariables))
  signals.gpusChanged.subscribe('catalogue', (gpus) => {
    for (const module of all()) if (hasOtherGpu(module, gpus)) work.tryAgain(module)
  })
  signals.diskSpaceChanged.subscribe('catalogue', ({ isLow }) => {
    if (isLow) work.prune()
  })
}
