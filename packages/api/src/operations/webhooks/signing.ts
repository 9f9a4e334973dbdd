import { randomBytes } from 'node:crypto'
import type { WebhookId } from '@millrace/shared'
import { Webhook } from 'standardwebhooks'
import type { Ports } from '../../ports.ts'

/** The webhook id of deliveries that single tasks asked for. */
export const taskHooks: WebhookId = 'whk_00000000000000000000000000'

const secretId = 'webhook-signing-secret'

export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/** The headers of a delivery. Source: Standard Webhooks specification, https://www.standardwebhooks.com */
export function signedHeaders(secret: string, id: string, at: Date, body: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'Millrace-Webhooks/1',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, body),
  }
}

/** The signing secret for the webhooks of single tasks; created at first use. */
export async function signingSecret(ports: Ports): Promise<string> {
  const kept = await ports.store.meta.get(secretId)
  if (kept) return String(JSON.parse(kept.json))
  const json = JSON.stringify(newSecret())
  await ports.store.meta.insert({ _id: secretId, rev: 1, at: ports.clock.now(), json })
  return signingSecret(ports)
}
