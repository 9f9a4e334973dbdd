import type { Deps } from '../deps.ts'
import { inBackground } from '../operations/background.ts'
import { deliver } from '../operations/webhooks/deliver.ts'
import type { DeliveryDoc } from '../store/documents/webhook.ts'
import { onceAMinute } from './once-a-minute.ts'

const atOnce = 32
/** Of one receiver, so that a slow one does not keep the others waiting. */
const perReceiver = 4
const keptMs = 30 * 24 * 3600_000
const removedAtOnce = 500

/** What this process is sending right now; a receiver may take its time, the tick may not. */
const sending = new WeakMap<Deps['store'], Map<string, DeliveryDoc>>()

/** Begins the deliveries that are due, and does not wait for them. */
export async function sendWebhooks(deps: Deps): Promise<void> {
  const own = sending.get(deps.store) ?? new Map<string, DeliveryDoc>()
  sending.set(deps.store, own)
  const counts = Map.groupBy(own.values(), (one) => one.url)
  const busy = [...counts].filter(([, some]) => some.length >= perReceiver).map(([url]) => url)
  const due = await deps.store.deliveries.find(
    { state: 'due', nextAt: { $lte: deps.clock.now() }, ...(busy.length > 0 ? { url: { $nin: busy } } : {}) },
    { sort: { nextAt: 1 }, limit: atOnce },
  )
  for (const delivery of due) {
    const same = [...own.values()].filter(({ url }) => url === delivery.url).length
    if (own.size >= atOnce || same >= perReceiver || own.has(delivery._id)) continue
    own.set(delivery._id, delivery)
    inBackground(
      deps,
      'a delivery',
      deliver(deps, delivery).finally(() => own.delete(delivery._id)),
    )
  }
}

export const removeOldDeliveries = onceAMinute('remove-old-deliveries', async (deps: Deps) => {
  const before = new Date(deps.clock.now().getTime() - keptMs)
  for (const state of ['delivered', 'failed'] as const)
    for (const old of await deps.store.deliveries.find(
      { state, nextAt: { $lte: before } },
      { limit: removedAtOnce },
    ))
      await deps.store.deliveries.removeUnchanged(old)
})
