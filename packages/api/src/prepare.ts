import type { Deps } from './deps.ts'
import { applyLimits, readSettings } from './operations/settings.ts'

/** What must be in the database before the first request: indexes, and the slots that hold the limits. */
export async function prepare(deps: Deps): Promise<void> {
  await deps.store.ensureIndexes()
  await applyLimits(deps, await readSettings(deps))
}
