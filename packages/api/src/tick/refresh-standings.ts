import type { Deps } from '../deps.ts'
import { refreshModules } from '../operations/modules/refresh-modules.ts'
import { onceAMinute } from './once-a-minute.ts'

/** Switches and reports whose process died before all agents' documents knew of them. */
export const refreshStandings = onceAMinute('refresh-standings', async (deps: Deps) => {
  const modules = await deps.store.modules.find({}, { limit: 1_000 })
  await refreshModules(
    deps,
    modules.map((module) => module._id),
  )
})
