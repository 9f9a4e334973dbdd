import { rm } from 'node:fs/promises'
import type { CatalogueState } from './catalogue-state.ts'
import { uvCache } from './install/environment.ts'
import type { RunnableModule } from './known-module.ts'
import type { openRunnables } from './passed-versions.ts'
import { isLow, type Keeping, pruneUnused } from './prune-environments.ts'

const dayMs = 24 * 3600 * 1000
const keepWeek: Keeping = { unusedDays: 7, minFreeBytes: 5 * 1024 ** 3 }

export type PruningDeps = {
  home: string
  keeping?: Keeping
  runnables: ReturnType<typeof openRunnables>
  /** Whether a process runs, or is about to, with these contents. */
  isInUse?(runnable: RunnableModule): boolean
  /** Has `now` called as soon as nothing is installed or tested. */
  ask(): void
  logger: { warn(detail: object, message: string): void }
}

/**
 * Removes what no module needs any more: at the start, daily, and whenever the disk is nearly full; then what uv keeps goes
 * too, unless the owner named a place for it.
 */
export function keepPruned(o: PruningDeps) {
  const { home, keeping = keepWeek, runnables } = o
  const daily = setInterval(o.ask, dayMs).unref()
  const tell = (error: unknown) => o.logger.warn({ err: error }, 'unused environments could not be removed')
  return {
    /** Nothing runs yet. */
    atStart: (memory: CatalogueState): Promise<void> => pruneUnused(home, memory, keeping).catch(tell),
    /** What went out of use since the start goes too; what runs stays. */
    async now(memory: CatalogueState): Promise<void> {
      const good = Object.values(memory.folders).flatMap((folder) => folder.good)
      const isKept = (one: RunnableModule) =>
        good.some(({ name, digest }) => name === one.name && digest === one.digest) ||
        (o.isInUse?.(one) ?? false)
      const removeCacheIfLow = async () => {
        if (await isLow(home, keeping)) await rm(uvCache(home), { recursive: true, force: true })
      }
      await pruneUnused(home, memory, keeping, runnables.forgetBut(isKept)).catch(tell)
      await removeCacheIfLow().catch(tell)
    },
    pruneIfLow(): void {
      isLow(home, keeping)
        .then((low) => low && o.ask())
        .catch(tell)
    },
    close: () => clearInterval(daily),
  }
}
