import type { Deps } from '../deps.ts'
import { isUnknown } from '../operations/modules/approval.ts'

const everyMs = 15_000
const lastDone = new WeakMap<Deps['bus'], number>()

/** NATS may have lost everything: streams and the consumers of known modules are made again. */
export async function ensureStreams(deps: Deps): Promise<void> {
  const now = deps.clock.now().getTime()
  if (now - (lastDone.get(deps.bus) ?? 0) < everyMs) return
  if (!(await deps.bus.ensureStreams())) return
  for (const module of await deps.store.modules.find({}, { limit: 1_000 }))
    if (!isUnknown(module)) await deps.bus.ensureWork(module._id)
  lastDone.set(deps.bus, now)
}
