import type { Ports } from '../../ports.ts'
import type { DeliveryDoc } from '../../store/documents/webhook.ts'
import { decideDelivery, takeNote } from './decide-delivery.ts'
import type { WebhookPorts } from './ports.ts'
import { type Answered, post } from './post.ts'
import { signedHeaders, signingSecret, taskHooks } from './signing.ts'

/** Longer than any attempt lasts: after it another process takes over the delivery of a dead one. */
const leaseMs = 60_000

/** Claims and sends a due delivery, and records the attempt. */
export async function deliver(ports: WebhookPorts, due: DeliveryDoc): Promise<void> {
  const at = ports.clock.now()
  const claimed = await ports.store.deliveries.change(due, (current) =>
    isDue(current, at) ? { ...current, nextAt: new Date(at.getTime() + leaseMs) } : null,
  )
  if (!claimed) return
  ports.failpoint('webhook.claimed')
  const begun = performance.now()
  const { isOver, ...answered } = await send(ports, due, at)
  const attempt = { at, ...answered, ms: Math.round(performance.now() - begun) }
  const change = await ports.store.deliveries.change(claimed.after, (current) =>
    current.rev === claimed.after.rev
      ? decideDelivery(current, { ...attempt, isOver }, ports.clock.now(), ports.random())
      : takeNote(current, attempt),
  )
  if (!change) return
  ports.failpoint('webhook.tried')
  if (change.after.state === 'failed')
    ports.logger.warn({ delivery: due._id, error: attempt.error }, 'webhook delivery failed for good')
}

/** Checked again here: the database may return a newer revision than the query matched. */
const isDue = ({ state, nextAt }: DeliveryDoc, now: Date): boolean => state === 'due' && nextAt <= now

async function send(
  ports: WebhookPorts,
  due: DeliveryDoc,
  at: Date,
): Promise<Answered & { isOver: boolean }> {
  const key = await keyFor(ports, due)
  if ('never' in key) return { status: null, error: key.never, isOver: true }
  const answered = await post(
    due.url,
    signedHeaders(key.secret, due._id, at, due.body),
    due.body,
    ports.webhooks,
  )
  if (answered.status === 410) await switchOff(ports, due)
  return { ...answered, isOver: answered.status === 410 }
}

/** The signing secret. A disabled webhook gets only deliveries that a caller requested since. */
async function keyFor(
  ports: Ports,
  { webhook, askedAt }: DeliveryDoc,
): Promise<{ secret: string } | { never: string }> {
  if (webhook === taskHooks) return { secret: await signingSecret(ports) }
  const found = await ports.store.webhooks.get(webhook)
  if (!found) return { never: 'the webhook was deleted' }
  if (found.disabledAt && !(askedAt && askedAt > found.disabledAt))
    return { never: 'the webhook is switched off: its receiver answered 410' }
  return { secret: found.secret }
}

/** 410 Gone: the receiver wants no more deliveries. */
async function switchOff(ports: Ports, { webhook }: DeliveryDoc): Promise<void> {
  const change = await ports.store.webhooks.change(webhook, (current) =>
    current.disabledAt ? null : { ...current, disabledAt: ports.clock.now() },
  )
  if (!change) return
  ports.failpoint('webhook.switched-off')
  ports.logger.warn({ webhook }, 'webhook disabled: its receiver answered 410')
}
