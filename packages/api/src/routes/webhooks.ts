import { contract } from '@millrace/shared'
import { notFound } from '../failure.ts'
import { behind, cursorOf, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { createWebhook, redeliver, refuseUnknownWebhook } from '../operations/webhooks/keep-webhook.ts'
import type { WebhookPorts } from '../operations/webhooks/ports.ts'
import { signingSecret } from '../operations/webhooks/signing.ts'
import { presentDelivery, presentWebhook } from '../present/webhook.ts'

export const webhookEndpoints = (ports: WebhookPorts): Endpoint[] => [
  endpoint(
    contract.createWebhook,
    async (c, { body }) => {
      const made = await createWebhook(ports, c.var.ids.webhook(), c.var.principal.id, body)
      const secret = c.var.replayed ? null : made.secret
      return c.json({ webhook: presentWebhook(made.webhook), secret }, 201)
    },
    { auditDetail: ({ url, events }) => ({ host: URL.parse(url)?.host, events }) },
  ),
  endpoint(contract.listWebhooks, async (c, { query }) => {
    const docs = await ports.store.webhooks.find(behind(query.cursor, 'whk_'), {
      sort: { _id: -1 },
      limit: query.limit + 1,
    })
    return c.json(pageFrom(docs, query.limit, presentWebhook))
  }),
  endpoint(contract.deleteWebhook, async (c, { params }) => {
    const id = params.id
    if (!(await ports.store.webhooks.get(id))) throw notFound('webhook')
    await ports.store.webhooks.remove(id)
    return c.body(null, 204)
  }),
  endpoint(contract.listDeliveries, async (c, { params, query }) => {
    const webhook = params.id
    await refuseUnknownWebhook(ports, webhook)
    const docs = await ports.store.deliveries.find(
      { webhook, ...behind(query.cursor, `${webhook}.`) },
      { sort: { _id: -1 }, limit: query.limit + 1 },
    )
    const shown = docs.slice(0, query.limit)
    const last = docs.length > query.limit ? shown.at(-1) : undefined
    return c.json({ items: shown.map(presentDelivery), nextCursor: last ? cursorOf(last._id) : null })
  }),
  endpoint(contract.redeliver, async (c, { params }) => {
    const delivery = await redeliver(ports, params.id, params.did)
    return c.json({ delivery: presentDelivery(delivery) }, 202)
  }),
  endpoint(contract.getSigningSecret, async (c) => {
    return c.json({ secret: await signingSecret(ports) })
  }),
]
