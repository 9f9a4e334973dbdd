import { Manifest, moduleKey } from '@millrace/shared/for-agents'
import type { InstallOutcome, PassedVersion } from './catalogue-state.ts'
import type { Named } from './detect/name-modules.ts'
import { cacheFolder, snapshotFolder } from './install-outcome.ts'
import type { RunnableModule } from './known-module.ts'

/** Contents whose test passed with this outcome. */
export const passedVersionOf = ({ name, digest, raw }: Named, outcome: InstallOutcome): PassedVersion => ({
  name,
  digest,
  raw,
  outcome,
})

/** The contents that serve and the ones before: if the newest turn out broken, the previous ones replace them. */
const kept = 2

/** Contents that have just passed serve from now on. */
export const passed = (good: readonly PassedVersion[], fresh: PassedVersion): PassedVersion[] =>
  [fresh, ...good.filter((one) => one.digest !== fresh.digest && one.name === fresh.name)].slice(0, kept)

/** Removes contents that passed before and now fail, for example after a change of a driver or a system library. */
export const withdrawn = (good: readonly PassedVersion[], digest: string): PassedVersion[] =>
  good.filter((one) => one.digest !== digest)

/** A runnable module, rebuilt from the saved record of its contents. */
export function runnableOf(home: string, good: PassedVersion): RunnableModule | null {
  const manifest = Manifest.safeParse(good.raw).data
  if (!manifest) return null
  return {
    name: good.name,
    version: manifest.version,
    digest: good.digest,
    manifest,
    folder: snapshotFolder(home, good.name, good.digest),
    python: good.outcome.python ?? '',
    cacheDir: cacheFolder(home, good.name),
  }
}

/** The runnable modules. All stay findable until `forgetBut`, because an assignment may be on its way. */
export function openRunnables(home: string) {
  const all = new Map<string, RunnableModule>()
  return {
    /** The first of the contents that passed serves; `null` without any. */
    serving([best]: readonly PassedVersion[]): RunnableModule | null {
      const runnable = best ? runnableOf(home, best) : null
      if (!runnable) return null
      const key = moduleKey(runnable)
      const known = all.get(key)
      if (known?.python === runnable.python) return known
      all.set(key, runnable)
      return runnable
    },
    /** Keeps only these findable; the agent hands back an assignment of any other. */
    forgetBut(isKept: (runnable: RunnableModule) => boolean): RunnableModule[] {
      for (const [key, runnable] of all) if (!isKept(runnable)) all.delete(key)
      return [...all.values()]
    },
    find: (name: string, version: string, digest: string): RunnableModule | null =>
      all.get(moduleKey({ name, version, digest })) ?? null,
  }
}
