import { isUnknown } from '../operations/modules/approval.ts'
import type { Ports } from '../ports.ts'

const everyMs = 15_000
const lastDone = new WeakMap<Ports['bus'], number>()

/** NATS may have lost everything: recreates the streams, and the consumers of known modules. */
export async function ensureStreams(ports: Ports): Promise<void> {
  const now = ports.clock.now().getTime()
  if (now - (lastDone.get(ports.bus) ?? 0) < everyMs) return
  if (!(await ports.bus.ensureStreams())) return
  for (const module of await ports.store.modules.find({}, { limit: 1_000 }))
    if (!isUnknown(module)) await ports.bus.ensureWork(module._id)
  lastDone.set(ports.bus, now)
}
