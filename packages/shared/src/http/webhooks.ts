import { z } from 'zod'
import { TaskId, WebhookId } from '../ids.ts'
import type { Calls } from './call.ts'
import { PageQuery, pageOf } from './lists.ts'

export const WebhookEvent = z.enum(['task.succeeded', 'task.failed', 'task.cancelled', 'task.skipped'])
export type WebhookEvent = z.infer<typeof WebhookEvent>

/** `task.*` stands for all events, which is also the default. */
const events = z
  .array(z.enum([...WebhookEvent.options, 'task.*']))
  .min(1)
  .max(20)
  .transform((named) => WebhookEvent.options.filter((one) => named.includes('task.*') || named.includes(one)))
const url = z.string().max(2_000)

/** The webhook of a single task: one URL that receives its end. */
export const TaskWebhook = z.strictObject({ url, events: events.default([...WebhookEvent.options]) })
export type TaskWebhook = z.infer<typeof TaskWebhook>

export const CreateWebhook = z.strictObject({ url, events: events.default([...WebhookEvent.options]) })

const time = z.iso.datetime()
export const Webhook = z.object({
  id: WebhookId,
  url: z.string(),
  events: z.array(WebhookEvent),
  disabledAt: time.nullable().describe('its receiver answered 410 Gone'),
  createdAt: time,
})
export type Webhook = z.infer<typeof Webhook>
export const WebhookCreated = z.object({
  webhook: Webhook,
  secret: z.string().nullable().describe('whsec_…, shown once; it signs every delivery'),
})
export type WebhookCreated = z.infer<typeof WebhookCreated>
export const WebhookPage = pageOf(Webhook)
export const WebhookQuery = PageQuery

export const Delivery = z.object({
  id: z.string().describe('the webhook-id header; the same for every send'),
  webhookId: WebhookId,
  taskId: TaskId,
  type: WebhookEvent,
  url: z.string(),
  status: z.enum(['due', 'delivered', 'failed']),
  nextAttemptAt: time.nullable(),
  attempts: z.array(
    z.object({ at: time, status: z.number().int().nullable(), error: z.string().nullable(), ms: z.number() }),
  ),
  createdAt: time,
})
export type Delivery = z.infer<typeof Delivery>
export const DeliveryAnswer = z.object({ delivery: Delivery })
export const DeliveryPage = pageOf(Delivery)

/** The secret that signs the webhooks of all single tasks. */
export const SigningSecret = z.object({ secret: z.string() })

/** Send the end of tasks to URLs. */
export const webhookCalls = {
  createWebhook: {
    method: 'POST',
    path: '/api/webhooks',
    tag: 'Webhooks',
    summary: 'Send the end of every task to a URL; the secret is shown only in this answer',
    scope: 'write',
    body: CreateWebhook,
    example: { url: 'https://app.example/millrace', events: ['task.failed'] },
    idempotent: true,
    audit: 'webhook.create',
    answers: { 201: { description: 'Created', json: WebhookCreated } },
  },
  listWebhooks: {
    method: 'GET',
    path: '/api/webhooks',
    tag: 'Webhooks',
    summary: 'List webhooks, newest first',
    scope: 'read',
    query: WebhookQuery,
    answers: { 200: { description: 'A page', json: WebhookPage } },
  },
  deleteWebhook: {
    method: 'DELETE',
    path: '/api/webhooks/{id}',
    tag: 'Webhooks',
    summary: 'Delete a webhook; its pending deliveries fail',
    scope: 'write',
    params: { id: WebhookId },
    subject: 'webhook',
    audit: 'webhook.delete',
    answers: { 204: { description: 'Gone' } },
  },
  listDeliveries: {
    method: 'GET',
    path: '/api/webhooks/{id}/deliveries',
    tag: 'Webhooks',
    summary: 'List deliveries with all their attempts',
    scope: 'read',
    params: { id: WebhookId },
    subject: 'webhook',
    query: WebhookQuery,
    answers: { 200: { description: 'A page', json: DeliveryPage } },
  },
  redeliver: {
    method: 'POST',
    path: '/api/webhooks/{id}/deliveries/{did}/redeliver',
    tag: 'Webhooks',
    summary: 'Send a delivery again',
    scope: 'write',
    params: { id: WebhookId, did: z.string() },
    subject: 'webhook',
    idempotent: true,
    audit: 'webhook.redeliver',
    answers: { 202: { description: 'Due', json: DeliveryAnswer } },
  },
  getSigningSecret: {
    method: 'GET',
    path: '/api/webhooks/signing-secret',
    tag: 'Webhooks',
    summary: 'Read the secret that signs webhooks of single tasks',
    scope: 'write',
    answers: { 200: { description: 'The secret', json: SigningSecret } },
  },
} as const satisfies Calls
