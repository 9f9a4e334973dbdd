import { applyLimits, readSettings } from './operations/settings.ts'
import type { Ports } from './ports.ts'

/** What must be in the database before the first request: indexes, and the slots that hold the limits. */
export async function prepare(ports: Ports): Promise<void> {
  await ports.store.ensureIndexes()
  await applyLimits(ports, await readSettings(ports))
}
