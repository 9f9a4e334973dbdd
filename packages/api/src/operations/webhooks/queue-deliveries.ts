import { isTerminal, WebhookEvent } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import { presentTask } from '../../present/task.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import type { DeliveryDoc, WebhookDoc } from '../../store/documents/webhook.ts'
import { taskHooks } from './signing.ts'

/** More than can be made, even by requests that race. */
const mostWebhooks = 1_000
/** What ordinary servers take. */
const longestBody = 256 * 1024
/** Clocks of two processes may differ by so much. */
const clocksDifferMs = 2_000

export const webhooksOf = (ports: Ports): Promise<WebhookDoc[]> =>
  ports.store.webhooks.find({ disabledAt: null }, { limit: mostWebhooks })

/**
 * Writes down who is to be told how a task ended, as part of settling it: a crash loses none, and a repetition makes
 * none twice. Sending them is the tick's.
 */
export async function queueDeliveries(
  ports: Ports,
  task: TaskDoc,
  webhooks: readonly WebhookDoc[],
): Promise<void> {
  if (!isTerminal(task.status)) return
  const type = WebhookEvent.parse(`task.${task.status}`)
  const receivers = [
    ...webhooks.filter((webhook) => wasThere(webhook, task)),
    ...(task.webhook ? [{ _id: taskHooks, ...task.webhook }] : []),
  ].filter((receiver) => receiver.events.includes(type))
  if (receivers.length === 0) return
  const now = ports.clock.now()
  const body = bodyOf(type, task, now)
  await ports.store.deliveries.insertMissing(
    receivers.map(
      ({ _id, url }): DeliveryDoc => ({
        _id: `${_id}.${task._id}.${task.round}`,
        rev: 1,
        webhook: _id,
        task: task._id,
        type,
        url,
        receiver: new URL(url).host,
        body,
        state: 'due',
        nextAt: now,
        attempts: [],
        createdAt: now,
        askedAt: null,
        expiresAt: null,
      }),
    ),
  )
  ports.failpoint('webhook.queued')
}

/** Settled late, a task is no news to a webhook that was made after its end. */
const wasThere = (webhook: WebhookDoc, task: TaskDoc): boolean =>
  webhook.createdAt.getTime() <= (task.finishedAt ?? task.updatedAt).getTime() + clocksDifferMs

/** The task as it is read; one too long for that as lists show it, and its receiver reads the rest. */
function bodyOf(type: WebhookEvent, task: TaskDoc, now: Date): string {
  const timestamp = now.toISOString()
  const whole = JSON.stringify({ type, timestamp, data: { task: presentTask(task) } })
  if (Buffer.byteLength(whole) <= longestBody) return whole
  return JSON.stringify({
    type,
    timestamp,
    data: { task: presentTask(task, { list: true }), truncated: true },
  })
}
