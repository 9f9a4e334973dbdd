import { isTerminal, WebhookEvent } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import { presentTask } from '../../respond/task.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import type { DeliveryDoc, WebhookDoc } from '../../store/documents/webhook.ts'
import { taskHooks } from './signing.ts'

const mostWebhooks = 1_000

export const webhooksOf = (deps: Deps): Promise<WebhookDoc[]> =>
  deps.store.webhooks.find({ disabledAt: null }, { limit: mostWebhooks })

/**
 * Writes down who is to be told how a task ended, as part of settling it: a crash loses none, and a repetition makes
 * none twice. Sending them is the tick's.
 */
export async function queueDeliveries(
  deps: Deps,
  task: TaskDoc,
  webhooks: readonly WebhookDoc[],
): Promise<void> {
  if (!isTerminal(task.status)) return
  const type = WebhookEvent.parse(`task.${task.status}`)
  const receivers = [
    ...webhooks.filter((webhook) => webhook.createdAt <= (task.finishedAt ?? task.updatedAt)),
    ...(task.webhook ? [{ _id: taskHooks, ...task.webhook }] : []),
  ].filter((receiver) => receiver.events.includes(type))
  if (receivers.length === 0) return
  const now = deps.clock.now()
  const body = JSON.stringify({ type, timestamp: now.toISOString(), data: { task: presentTask(task) } })
  await deps.store.deliveries.insertMissing(
    receivers.map(
      ({ _id, url }): DeliveryDoc => ({
        _id: `${_id}.${task._id}.${task.round}`,
        rev: 1,
        webhook: _id,
        task: task._id,
        type,
        url,
        body,
        state: 'due',
        nextAt: now,
        attempts: [],
        createdAt: now,
      }),
    ),
  )
  deps.reached('webhook.queued')
}
