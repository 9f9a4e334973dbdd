import type { WebhookEvent, WebhookId } from '@millrace/shared'
import { Failure, notFound } from '../../failure.ts'
import type { Ports } from '../../ports.ts'
import type { DeliveryDoc, WebhookDoc } from '../../store/documents/webhook.ts'
import { faultOfUrl } from './addresses.ts'
import type { WebhookPorts } from './ports.ts'
import { newSecret, taskHooks } from './signing.ts'

/** Creates a webhook for the ends of all tasks. `secret` is null where an earlier request created it. */
export async function createWebhook(
  ports: WebhookPorts,
  id: WebhookId,
  apiKey: string,
  wanted: { url: string; events: WebhookEvent[] },
): Promise<{ webhook: WebhookDoc; secret: string | null }> {
  refuseUrl(ports, wanted.url, '/url')
  await refuseMoreThan(ports, mostWebhooks, id)
  const secret = newSecret()
  const webhook = {
    _id: id,
    rev: 1,
    apiKey,
    ...wanted,
    secret,
    disabledAt: null,
    createdAt: ports.clock.now(),
  }
  if (await ports.store.webhooks.insert(webhook)) return { webhook, secret }
  return { webhook: (await ports.store.webhooks.get(id)) ?? webhook, secret: null }
}

export function refuseUrl(ports: WebhookPorts, url: string, path: string): void {
  const fault = faultOfUrl(url, ports.webhooks.allowPrivate)
  if (fault) throw new Failure('invalid_request', `The URL ${fault}.`, { errors: [{ path, message: fault }] })
}

/** The limit of webhooks, since the end of each task creates a delivery for each of them. */
const mostWebhooks = 100

async function refuseMoreThan(ports: Ports, most: number, own: WebhookId): Promise<void> {
  if ((await ports.store.webhooks.count({ disabledAt: null }, most)) < most) return
  if (await ports.store.webhooks.get(own)) return // an earlier request made it
  throw new Failure(
    'conflict',
    `The limit of ${most} webhooks is reached: delete one, or use the webhook of a task.`,
  )
}

/** Sends a delivery again at the next tick, whatever its state, with a whole day for retries. */
export async function redeliver(ports: Ports, webhook: WebhookId, id: string): Promise<DeliveryDoc> {
  await refuseUnknownWebhook(ports, webhook)
  const now = ports.clock.now()
  const change = await ports.store.deliveries.change(id, (delivery) =>
    delivery.webhook === webhook
      ? { ...delivery, state: 'due', nextAt: now, askedAt: now, expiresAt: null }
      : null,
  )
  if (!change) throw notFound('delivery')
  return change.after
}

export async function refuseUnknownWebhook(ports: Ports, id: WebhookId): Promise<void> {
  if (id !== taskHooks && !(await ports.store.webhooks.get(id))) throw notFound('webhook')
}
