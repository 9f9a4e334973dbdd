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
  /** Whether a process with these contents runs or is about to start. */
  isInUse?(runnable: RunnableModule): boolean
  /** Requests a call of `now` as soon as no module is being installed or tested. */
  ask(): void
  logger: { warn(detail: object, message: string): void }
}

/**
 * Removes unused environments at the start, daily, and whenever the disk is nearly full; in the last case also uv's cache,
 * unless the owner set its folder.
 */
export function keepPruned(o: PruningDeps) {
  const { home, keeping = keepWeek, runnables } = o
  const daily = setInterval(o.ask, dayMs).unref()
  const tell = (error: unknown) => o.logger.warn({ err: error }, 'unused environments could not be removed')
  return {
    /** Runs before any module does. */
    atStart: (memory: CatalogueState): Promise<void> => pruneUnused(home, memory, keeping).catch(tell),
    /** Also removes environments that became unused since the start; modules that run keep theirs. */
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
