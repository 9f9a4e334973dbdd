import { inBackground } from '../concurrency/in-background.ts'
import { deliver } from '../operations/webhooks/deliver.ts'
import type { WebhookPorts } from '../operations/webhooks/ports.ts'
import type { Ports } from '../ports.ts'
import type { DeliveryDoc } from '../store/documents/webhook.ts'

const atOnce = 32
/** So that a slow one does not keep the others waiting. */
const perReceiver = 4

/** What this process sends right now, and to whom; and whether it asks what comes next, or is to ask once more. */
type Outbox = { underway: Map<string, string>; isLooking: boolean; isToLookAgain: boolean }
const outboxes = new WeakMap<Ports['store'], Outbox>()

/**
 * Begins the deliveries that are due, and does not wait for them: a receiver may take its time, the tick may not.
 * Each that ends makes room for the next, so that what is sent in a second is not bounded by what a tick begins.
 */
export async function sendWebhooks(ports: WebhookPorts, signal?: AbortSignal): Promise<void> {
  const outbox = outboxes.get(ports.store) ?? {
    underway: new Map(),
    isLooking: false,
    isToLookAgain: false,
  }
  outboxes.set(ports.store, outbox)
  outbox.isToLookAgain = outbox.isLooking
  if (outbox.isLooking) return
  outbox.isLooking = true
  try {
    if ((await beginSome(ports, outbox, signal)) === 'more') outbox.isToLookAgain = true
  } finally {
    outbox.isLooking = false
  }
  if (outbox.isToLookAgain && !signal?.aborted)
    inBackground(ports, 'sending webhooks', sendWebhooks(ports, signal))
}

async function beginSome(ports: WebhookPorts, outbox: Outbox, signal?: AbortSignal): Promise<'more' | 'all'> {
  const { underway } = outbox
  if (underway.size >= atOnce) return 'all'
  const full = [...Map.groupBy(underway.values(), (receiver) => receiver)]
    .filter(([, sent]) => sent.length >= perReceiver)
    .map(([receiver]) => receiver)
  const due = await ports.store.deliveries.find(
    {
      state: 'due',
      nextAt: { $lte: ports.clock.now() },
      ...(full.length > 0 ? { receiver: { $nin: full } } : {}),
    },
    { sort: { nextAt: 1 }, limit: atOnce },
  )
  const begun = due.filter((delivery) => begin(ports, outbox, delivery, signal))
  // Behind those of one receiver there may be others.
  return begun.length > 0 && due.length === atOnce ? 'more' : 'all'
}

function begin(
  ports: WebhookPorts,
  { underway }: Outbox,
  delivery: DeliveryDoc,
  signal?: AbortSignal,
): boolean {
  const { _id, receiver } = delivery
  const same = [...underway.values()].filter((other) => other === receiver).length
  if (underway.size >= atOnce || same >= perReceiver || underway.has(_id)) return false
  underway.set(_id, receiver)
  const sent = deliver(ports, delivery).finally(() => underway.delete(_id))
  // One that broke off is left to the next tick: what it met may last.
  const next = sent.then(() => (signal?.aborted ? undefined : sendWebhooks(ports, signal)))
  inBackground(ports, 'a delivery', next)
  return true
}
