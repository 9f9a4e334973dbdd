import type { Delivery, Webhook } from '@millrace/shared'
import type { DeliveryDoc, WebhookDoc } from '../store/documents/webhook.ts'

export const presentWebhook = ({ _id, url, events, disabledAt, createdAt }: WebhookDoc): Webhook => ({
  id: _id,
  url,
  events,
  disabledAt: disabledAt?.toISOString() ?? null,
  createdAt: createdAt.toISOString(),
})

export const presentDelivery = (delivery: DeliveryDoc): Delivery => ({
  id: delivery._id,
  webhookId: delivery.webhook,
  taskId: delivery.task,
  type: delivery.type,
  url: delivery.url,
  status: delivery.state,
  nextAttemptAt: delivery.state === 'due' ? delivery.nextAt.toISOString() : null,
  attempts: delivery.attempts.map((attempt) => ({ ...attempt, at: attempt.at.toISOString() })),
  createdAt: delivery.createdAt.toISOString(),
})
