import { parseRunId, Settings, type SettingsPatch } from '@millrace/shared'
import type { Ports } from '../ports.ts'
import type { Holder } from '../store/documents/queue.ts'
import { globalSlot, moduleSlot, openParked } from './queue/slots.ts'

const settingsId = 'settings'
const defaults: Settings = {
  maxRunningTasks: 10,
  perModule: {},
  retentionDays: { runs: 30, logs: null, tasks: null, uploads: null, outputs: null },
}

export async function readSettings(ports: Ports): Promise<Settings> {
  const doc = await ports.store.meta.get(settingsId)
  return doc ? Settings.parse({ ...defaults, ...JSON.parse(doc.json) }) : defaults
}

/** Takes effect at once: the slots hold the limits, and every claim reads them. */
export async function changeSettings(ports: Ports, patch: SettingsPatch): Promise<Settings> {
  const at = ports.clock.now()
  await ports.store.meta.insert({ _id: settingsId, rev: 1, at, json: JSON.stringify(defaults) })
  const change = await ports.store.meta.change(settingsId, (doc) => {
    const next = merge(Settings.parse({ ...defaults, ...JSON.parse(doc.json) }), patch)
    return { ...doc, at, json: JSON.stringify(next) }
  })
  const settings = change ? Settings.parse(JSON.parse(change.after.json)) : defaults
  await applyLatest(ports, settings, Object.keys(patch.perModule ?? {}))
  return settings
}

/** Repeats until the applied settings are the last ones written. */
async function applyLatest(ports: Ports, settings: Settings, modules: readonly string[]): Promise<void> {
  let applied = settings
  for (;;) {
    await applyLimits(ports, applied, [...new Set([...modules, ...Object.keys(applied.perModule)])])
    const latest = await readSettings(ports)
    if (JSON.stringify(latest) === JSON.stringify(applied)) return
    applied = latest
  }
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

/** Writes the limits of the settings into the slots; also at every start, in case a crash came between. */
export async function applyLimits(
  ports: Ports,
  settings: Settings,
  modules: readonly string[] = Object.keys(settings.perModule),
): Promise<void> {
  await limitSlot(ports, globalSlot, settings.maxRunningTasks, async () => [])
  for (const module of modules) {
    const limit = settings.perModule[module]
    const slot = moduleSlot(module)
    if (limit !== undefined) await limitSlot(ports, slot, limit, () => holdersOf(ports, module))
    else await ports.store.slots.remove(slot)
    await openParked(ports, slot)
  }
}

async function limitSlot(
  ports: Ports,
  name: string,
  limit: number,
  holdersAtFirst: () => Promise<Holder[]>,
): Promise<void> {
  if (!(await ports.store.slots.get(name))) {
    const holders = await holdersAtFirst()
    if (await ports.store.slots.insert({ _id: name, rev: 1, limit, holders })) return
  }
  await ports.store.slots.change(name, (slot) => (slot.limit === limit ? null : { ...slot, limit }))
}

/** Runs of a module that started before its limit existed. */
async function holdersOf(ports: Ports, module: string): Promise<Holder[]> {
  const holders = (await ports.store.slots.get(globalSlot))?.holders ?? []
  const tasks = await ports.store.tasks.many(holders.map((holder) => parseRunId(holder.run).task))
  const ofModule = new Set(tasks.filter((task) => task.module === module).map((task) => task._id))
  return holders.filter((holder) => ofModule.has(parseRunId(holder.run).task))
}
