import type { Deps } from '../../deps.ts'
import type { DeliveryDoc } from '../../store/documents/webhook.ts'
import { type Answered, post } from './post.ts'
import { secretOf, signedHeaders } from './signing.ts'

/** Longer than any attempt lasts: a process that dies in one holds it up for no longer. */
const leaseMs = 60_000
const givenUpAfterMs = 24 * 3600_000
/** Waits after each failure, in seconds; the last one is repeated until the day is over. */
const waits = [5, 60, 300, 1_800, 7_200, 18_000, 36_000]

/** Tries a delivery that is due, if nobody else does; writes down what came of it. */
export async function deliver(deps: Deps, due: DeliveryDoc): Promise<void> {
  const at = deps.clock.now()
  const claimed = await deps.store.deliveries.change(due, (current) =>
    current.rev === due.rev ? { ...current, nextAt: new Date(at.getTime() + leaseMs) } : null,
  )
  if (!claimed) return
  deps.reached('webhook.claimed')
  const secret = await secretOf(deps, due.webhook)
  const begun = performance.now()
  const answered: Answered = secret
    ? await post(due.url, signedHeaders(secret, due._id, at, due.body), due.body, deps.webhooks)
    : { status: null, error: 'the webhook was deleted' }
  const attempt = { at, ...answered, ms: Math.round(performance.now() - begun) }
  const isGone = answered.status === 410 || !secret
  const change = await deps.store.deliveries.change(claimed.after, (current) =>
    current.rev === claimed.after.rev
      ? decideDelivery(current, attempt, isGone, deps.clock.now(), deps.random())
      : null,
  )
  if (change) deps.reached('webhook.tried')
  if (answered.status === 410) await disable(deps, due)
}

type Attempt = DeliveryDoc['attempts'][number]

/** What an attempt makes of a delivery: done, to be tried again, or given up after a day. */
export function decideDelivery(
  delivery: DeliveryDoc,
  attempt: Attempt,
  isGone: boolean,
  now: Date,
  random: number,
): DeliveryDoc {
  const attempts = [...delivery.attempts, attempt].slice(-50)
  if (attempt.error === null) return { ...delivery, attempts, state: 'delivered' }
  const wait = waits[Math.min(delivery.attempts.length, waits.length - 1)] ?? 5
  const nextAt = new Date(now.getTime() + wait * 1000 * (0.8 + 0.4 * random))
  const isOver = isGone || nextAt.getTime() - delivery.createdAt.getTime() > givenUpAfterMs
  return { ...delivery, attempts, state: isOver ? 'failed' : 'due', nextAt }
}

/** 410 Gone: the receiver wants no more. */
async function disable(deps: Deps, { webhook }: DeliveryDoc): Promise<void> {
  await deps.store.webhooks.change(webhook, (current) =>
    current.disabledAt ? null : { ...current, disabledAt: deps.clock.now() },
  )
  deps.logger.warn({ webhook }, 'a webhook was switched off: its receiver answered 410')
}
