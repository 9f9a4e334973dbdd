import { refreshModules } from '../operations/modules/refresh-modules.ts'
import type { Ports } from '../ports.ts'
import { onceAMinute } from './once-a-minute.ts'

/** Finishes switches and reports whose process died before it updated all agents' documents. */
export const refreshStandings = onceAMinute('refresh-standings', async (ports: Ports) => {
  const modules = await ports.store.modules.find({}, { limit: 1_000 })
  await refreshModules(
    ports,
    modules.map((module) => module._id),
  )
})
