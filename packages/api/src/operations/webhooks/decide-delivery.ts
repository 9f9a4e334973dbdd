import type { DeliveryDoc } from '../../store/documents/webhook.ts'

const givenUpAfterMs = 24 * 3600_000
/** Finished deliveries stay visible this long. */
const keptMs = 30 * 24 * 3600_000
const attemptsKept = 50
/** Waits after each failure, in seconds; the last one repeats until the day ends. */
const waits = [5, 60, 300, 1_800, 7_200, 18_000, 36_000]

type Attempt = DeliveryDoc['attempts'][number]

/**
 * The delivery after an attempt: delivered, due for a retry, or failed after a day. A request to send it again restarts
 * the day.
 */
export function decideDelivery(
  delivery: DeliveryDoc,
  { isOver, ...attempt }: Attempt & { isOver: boolean },
  now: Date,
  random: number,
): DeliveryDoc {
  const noted = takeNote(delivery, attempt)
  const expiresAt = new Date(now.getTime() + keptMs)
  if (attempt.error === null) return { ...noted, state: 'delivered', expiresAt }
  const begun = delivery.askedAt ?? delivery.createdAt
  const failures = delivery.attempts.filter(({ at }) => at >= begun).length
  const wait = waits[Math.min(failures, waits.length - 1)] ?? 0
  const nextAt = new Date(now.getTime() + wait * 1000 * (0.8 + 0.4 * random))
  if (isOver || nextAt.getTime() - begun.getTime() > givenUpAfterMs)
    return { ...noted, state: 'failed', expiresAt }
  return { ...noted, nextAt }
}

/** Records an attempt that another process superseded: it decides nothing. */
export const takeNote = (delivery: DeliveryDoc, attempt: Attempt): DeliveryDoc => ({
  ...delivery,
  attempts: [...delivery.attempts, attempt].slice(-attemptsKept),
})
