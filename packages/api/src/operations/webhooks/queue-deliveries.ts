import { isTerminal, WebhookEvent } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import { presentTask } from '../../present/task.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import type { DeliveryDoc, WebhookDoc } from '../../store/documents/webhook.ts'
import { taskHooks } from './signing.ts'

/** More webhooks than can exist, even after races. */
const mostWebhooks = 1_000
/** Ordinary servers accept bodies of this size. */
const longestBody = 256 * 1024
/** The most by which the clocks of two processes may differ. */
const clocksDifferMs = 2_000

/**
 * Stores the deliveries for the end of a task, as part of settling it: a crash loses none, and a repetition creates none
 * twice. The tick sends them.
 */
export async function queueDeliveries(ports: Ports, task: TaskDoc): Promise<void> {
  if (!isTerminal(task.status)) return
  const webhooks = await ports.store.webhooks.find({ disabledAt: null }, { limit: mostWebhooks })
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

/** A webhook created after the end of a task gets no delivery for it, even if the task is settled later. */
const wasThere = (webhook: WebhookDoc, task: TaskDoc): boolean =>
  webhook.createdAt.getTime() <= (task.finishedAt ?? task.updatedAt).getTime() + clocksDifferMs

/** The task as `GET` returns it; a task that is too long as lists show it, and the receiver reads the rest. */
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
