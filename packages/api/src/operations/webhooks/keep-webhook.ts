import type { WebhookEvent, WebhookId } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import { Failure, notFound } from '../../failure.ts'
import type { DeliveryDoc, WebhookDoc } from '../../store/documents/webhook.ts'
import { faultOfUrl } from './addresses.ts'
import { newSecret, taskHooks } from './signing.ts'

/** Somebody is to be told of the end of every task. `secret` is null where an earlier request made it already. */
export async function createWebhook(
  deps: Deps,
  id: WebhookId,
  apiKey: string,
  wanted: { url: string; events: WebhookEvent[] },
): Promise<{ webhook: WebhookDoc; secret: string | null }> {
  refuseUrl(deps, wanted.url, '/url')
  await refuseMoreThan(deps, mostWebhooks, id)
  const secret = newSecret()
  const webhook = {
    _id: id,
    rev: 1,
    apiKey,
    ...wanted,
    secret,
    disabledAt: null,
    createdAt: deps.clock.now(),
  }
  if (await deps.store.webhooks.insert(webhook)) return { webhook, secret }
  return { webhook: (await deps.store.webhooks.get(id)) ?? webhook, secret: null }
}

export function refuseUrl(deps: Deps, url: string, path: string): void {
  const fault = faultOfUrl(url, deps.webhooks.allowPrivate)
  if (fault) throw new Failure('invalid_request', `The URL ${fault}.`, { errors: [{ path, message: fault }] })
}

/** Each end of a task makes as many deliveries as there are webhooks. */
const mostWebhooks = 100

async function refuseMoreThan(deps: Deps, most: number, own: WebhookId): Promise<void> {
  if ((await deps.store.webhooks.count({ disabledAt: null }, most)) < most) return
  if (await deps.store.webhooks.get(own)) return // an earlier request made it
  throw new Failure(
    'conflict',
    `There are ${most} webhooks already: delete one, or use the webhook of a task.`,
  )
}

/** Sends a delivery once more, at the next tick, whatever became of it; with a whole day to arrive. */
export async function redeliver(deps: Deps, webhook: WebhookId, id: string): Promise<DeliveryDoc> {
  await refuseUnknownWebhook(deps, webhook)
  const now = deps.clock.now()
  const change = await deps.store.deliveries.change(id, (delivery) =>
    delivery.webhook === webhook
      ? { ...delivery, state: 'due', nextAt: now, askedAt: now, expiresAt: null }
      : null,
  )
  if (!change) throw notFound('delivery')
  return change.after
}

export async function refuseUnknownWebhook(deps: Deps, id: WebhookId): Promise<void> {
  if (id !== taskHooks && !(await deps.store.webhooks.get(id))) throw notFound('webhook')
}
