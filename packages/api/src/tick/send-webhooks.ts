import { inBackground } from '../concurrency/in-background.ts'
import { deliver } from '../operations/webhooks/deliver.ts'
import type { WebhookPorts } from '../operations/webhooks/ports.ts'
import type { Ports } from '../ports.ts'
import type { DeliveryDoc } from '../store/documents/webhook.ts'

const atOnce = 32
/** Per receiver, so that a slow one does not delay the others. */
const perReceiver = 4

/** Deliveries in progress and their receivers; whether this process reads the next ones, or must read again. */
type Outbox = { underway: Map<string, string>; isLooking: boolean; isToLookAgain: boolean }
const outboxes = new WeakMap<Ports['store'], Outbox>()

/**
 * Begins the due deliveries without waiting for them: receivers may be slow, the tick may not. Each delivery that ends
 * starts the next one, so that the tick's interval does not limit the rate.
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
  // Deliveries to other receivers may come after those of a busy one.
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
  // A failed one waits for the next tick: its cause may last.
  const next = sent.then(() => (signal?.aborted ? undefined : sendWebhooks(ports, signal)))
  inBackground(ports, 'a delivery', next)
  return true
}
