import { inBackground } from '../concurrency/in-background.ts'
import type { Deps } from '../deps.ts'
import { deliver } from '../operations/webhooks/deliver.ts'
import type { DeliveryDoc } from '../store/documents/webhook.ts'

const atOnce = 32
/** So that a slow one does not keep the others waiting. */
const perReceiver = 4

/** What this process sends right now, and to whom; and whether it asks what comes next, or is to ask once more. */
type Outbox = { underway: Map<string, string>; isLooking: boolean; isToLookAgain: boolean }
const outboxes = new WeakMap<Deps['store'], Outbox>()

/**
 * Begins the deliveries that are due, and does not wait for them: a receiver may take its time, the tick may not.
 * Each that ends makes room for the next, so that what is sent in a second is not bounded by what a tick begins.
 */
export async function sendWebhooks(deps: Deps, signal?: AbortSignal): Promise<void> {
  const outbox = outboxes.get(deps.store) ?? {
    underway: new Map(),
    isLooking: false,
    isToLookAgain: false,
  }
  outboxes.set(deps.store, outbox)
  outbox.isToLookAgain = outbox.isLooking
  if (outbox.isLooking) return
  outbox.isLooking = true
  try {
    if ((await beginSome(deps, outbox, signal)) === 'more') outbox.isToLookAgain = true
  } finally {
    outbox.isLooking = false
  }
  if (outbox.isToLookAgain && !signal?.aborted)
    inBackground(deps, 'sending webhooks', sendWebhooks(deps, signal))
}

async function beginSome(deps: Deps, outbox: Outbox, signal?: AbortSignal): Promise<'more' | 'all'> {
  const { underway } = outbox
  if (underway.size >= atOnce) return 'all'
  const full = [...Map.groupBy(underway.values(), (receiver) => receiver)]
    .filter(([, sent]) => sent.length >= perReceiver)
    .map(([receiver]) => receiver)
  const due = await deps.store.deliveries.find(
    {
      state: 'due',
      nextAt: { $lte: deps.clock.now() },
      ...(full.length > 0 ? { receiver: { $nin: full } } : {}),
    },
    { sort: { nextAt: 1 }, limit: atOnce },
  )
  const begun = due.filter((delivery) => begin(deps, outbox, delivery, signal))
  // Behind those of one receiver there may be others.
  return begun.length > 0 && due.length === atOnce ? 'more' : 'all'
}

function begin(deps: Deps, { underway }: Outbox, delivery: DeliveryDoc, signal?: AbortSignal): boolean {
  const { _id, receiver } = delivery
  const same = [...underway.values()].filter((other) => other === receiver).length
  if (underway.size >= atOnce || same >= perReceiver || underway.has(_id)) return false
  underway.set(_id, receiver)
  const sent = deliver(deps, delivery).finally(() => underway.delete(_id))
  // One that broke off is left to the next tick: what it met may last.
  const next = sent.then(() => (signal?.aborted ? undefined : sendWebhooks(deps, signal)))
  inBackground(deps, 'a delivery', next)
  return true
}
