import {
  CreateWebhook,
  DeliveryAnswer,
  DeliveryPage,
  SigningSecret,
  WebhookCreated,
  WebhookId,
  WebhookPage,
  WebhookQuery,
} from '@millrace/shared'
import { notFound } from '../failure.ts'
import { behind, cursorOf, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint, pathId } from '../http/endpoint.ts'
import { createWebhook, redeliver, refuseUnknownWebhook } from '../operations/webhooks/keep-webhook.ts'
import type { WebhookPorts } from '../operations/webhooks/ports.ts'
import { signingSecret } from '../operations/webhooks/signing.ts'
import { presentDelivery, presentWebhook } from '../present/webhook.ts'

export const webhookEndpoints = (ports: WebhookPorts): Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/api/webhooks',
    scope: 'write',
    tag: 'Webhooks',
    summary: 'Tell a URL of the end of every task; the secret is shown this once',
    audit: 'webhook.create',
    body: CreateWebhook,
    auditDetail: ({ url, events }) => ({ host: URL.parse(url)?.host, events }),
    answers: { 201: { description: 'Created', schema: WebhookCreated } },
    idempotent: true,
    async handle(c, { body }) {
      const made = await createWebhook(ports, c.var.ids.webhook(), c.var.principal.id, body)
      const secret = c.var.replayed ? null : made.secret
      return c.json({ webhook: presentWebhook(made.webhook), secret }, 201)
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/webhooks',
    scope: 'read',
    tag: 'Webhooks',
    summary: 'List webhooks, newest first',
    query: WebhookQuery,
    answers: { 200: { description: 'A page', schema: WebhookPage } },
    async handle(c, { query }) {
      const docs = await ports.store.webhooks.find(behind(query.cursor, 'whk_'), {
        sort: { _id: -1 },
        limit: query.limit + 1,
      })
      return c.json(pageFrom(docs, query.limit, presentWebhook))
    },
  }),
  endpoint({
    method: 'delete',
    path: '/api/webhooks/:id',
    scope: 'write',
    tag: 'Webhooks',
    summary: 'Delete a webhook; what is still due fails',
    audit: 'webhook.delete',
    answers: { 204: { description: 'Gone' } },
    async handle(c) {
      const id = pathId(c, WebhookId, 'webhook')
      if (!(await ports.store.webhooks.get(id))) throw notFound('webhook')
      await ports.store.webhooks.remove(id)
      return c.body(null, 204)
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/webhooks/:id/deliveries',
    scope: 'read',
    tag: 'Webhooks',
    summary: 'What was sent, with every attempt',
    query: WebhookQuery,
    answers: { 200: { description: 'A page', schema: DeliveryPage } },
    async handle(c, { query }) {
      const webhook = pathId(c, WebhookId, 'webhook')
      await refuseUnknownWebhook(ports, webhook)
      const docs = await ports.store.deliveries.find(
        { webhook, ...behind(query.cursor, `${webhook}.`) },
        { sort: { _id: -1 }, limit: query.limit + 1 },
      )
      const shown = docs.slice(0, query.limit)
      const last = docs.length > query.limit ? shown.at(-1) : undefined
      return c.json({ items: shown.map(presentDelivery), nextCursor: last ? cursorOf(last._id) : null })
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/webhooks/:id/deliveries/:delivery/redeliver',
    scope: 'write',
    tag: 'Webhooks',
    summary: 'Send a delivery once more',
    audit: 'webhook.redeliver',
    answers: { 202: { description: 'Due', schema: DeliveryAnswer } },
    idempotent: true,
    async handle(c) {
      const webhook = pathId(c, WebhookId, 'webhook')
      const delivery = await redeliver(ports, webhook, c.req.param('delivery') ?? '')
      return c.json({ delivery: presentDelivery(delivery) }, 202)
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/webhooks/signing-secret',
    scope: 'write',
    tag: 'Webhooks',
    summary: 'The secret that webhooks of single tasks are signed with',
    answers: { 200: { description: 'The secret', schema: SigningSecret } },
    async handle(c) {
      return c.json({ secret: await signingSecret(ports) })
    },
  }),
]
