import { Settings, type SettingsPatch } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { globalSlot, moduleSlot, openParked } from './slots.ts'

const settingsId = 'settings'
const defaults: Settings = { maxRunningTasks: 10, perModule: {}, retentionDays: { runs: 30 } }

export async function readSettings(deps: Deps): Promise<Settings> {
  const doc = await deps.store.meta.get(settingsId)
  return doc ? Settings.parse({ ...defaults, ...JSON.parse(doc.json) }) : defaults
}

/** In force at once: the limits themselves live in the slots, which every claim looks at. */
export async function changeSettings(deps: Deps, patch: SettingsPatch): Promise<Settings> {
  const at = deps.clock.now()
  await deps.store.meta.insert({ _id: settingsId, rev: 1, at, json: JSON.stringify(defaults) })
  const change = await deps.store.meta.change(settingsId, (doc) => {
    const next = merge(Settings.parse({ ...defaults, ...JSON.parse(doc.json) }), patch)
    return { ...doc, at, json: JSON.stringify(next) }
  })
  const settings = change ? Settings.parse(JSON.parse(change.after.json)) : defaults
  await applyLimits(deps, settings, Object.keys(patch.perModule ?? {}))
  return settings
}

function merge(settings: Settings, patch: SettingsPatch): Settings {
  const perModule = Object.entries({ ...settings.perModule, ...patch.perModule }).filter(
    (entry): entry is [string, number] => entry[1] !== null,
  )
  return {
    maxRunningTasks: patch.maxRunningTasks ?? settings.maxRunningTasks,
    perModule: Object.fromEntries(perModule),
    retentionDays: { ...settings.retentionDays, ...patch.retentionDays },
  }
}

/** Makes the slots say what the settings say; also at every start, should a crash have come between. */
export async function applyLimits(
  deps: Deps,
  settings: Settings,
  modules: readonly string[] = Object.keys(settings.perModule),
): Promise<void> {
  await limitSlot(deps, globalSlot, settings.maxRunningTasks)
  for (const module of modules) {
    const limit = settings.perModule[module]
    const slot = moduleSlot(module)
    if (limit !== undefined) await limitSlot(deps, slot, limit)
    else await deps.store.slots.remove(slot)
    await openParked(deps, slot)
  }
}

async function limitSlot(deps: Deps, name: string, limit: number): Promise<void> {
  if (await deps.store.slots.insert({ _id: name, rev: 1, limit, holders: [] })) return
  await deps.store.slots.change(name, (slot) => (slot.limit === limit ? null : { ...slot, limit }))
}
