import type { Api, BodyAt, QueryAt } from '../api.ts'
import type { Delivery, Webhook, WebhookCreated, WebhookId } from '../contract.gen.ts'
import type { Page } from '../page.ts'

export const webhookCalls = ({ call }: Api) => ({
  /** Sends the end of every task to a URL; deliveries are signed with the secret, which only this answer shows. */
  createWebhook: (webhook: BodyAt<'POST /api/webhooks'>): Promise<WebhookCreated> =>
    call('POST /api/webhooks', { body: webhook }),
  listWebhooks: (query: QueryAt<'GET /api/webhooks'> = {}): Promise<Page<Webhook>> =>
    call('GET /api/webhooks', { query }),
  deleteWebhook: async (id: WebhookId): Promise<void> => {
    await call('DELETE /api/webhooks/{id}', { params: { id } })
  },
  /** What was sent, with every attempt; under `whk_00000000000000000000000000` for the webhooks of single tasks. */
  listDeliveries: (
    id: WebhookId,
    query: QueryAt<'GET /api/webhooks/{id}/deliveries'> = {},
  ): Promise<Page<Delivery>> => call('GET /api/webhooks/{id}/deliveries', { params: { id }, query }),
  /** Sends it once more, under the same id. */
  redeliver: async ({ id: did, webhookId: id }: Pick<Delivery, 'id' | 'webhookId'>): Promise<Delivery> =>
    (await call('POST /api/webhooks/{id}/deliveries/{did}/redeliver', { params: { id, did } })).delivery,
  /** What the webhooks of single tasks are signed with. */
  webhookSecret: async (): Promise<string> => (await call('GET /api/webhooks/signing-secret')).secret,
})
