import { TaskId, WebhookEvent, WebhookId } from '@millrace/shared'
import { z } from 'zod'
import { doc, JsonText } from './base.ts'

export const WebhookDoc = z.object({
  _id: WebhookId,
  ...doc,
  apiKey: z.string(),
  url: z.string(),
  events: z.array(WebhookEvent),
  secret: z.string().describe('in plain text: signing needs it'),
  disabledAt: z.date().nullable(),
  createdAt: z.date(),
})
export type WebhookDoc = z.infer<typeof WebhookDoc>

/** One event for one receiver, with all attempts. Its id comes from webhook, task and round. */
export const DeliveryDoc = z.object({
  _id: z.string(),
  ...doc,
  webhook: WebhookId,
  task: TaskId,
  type: WebhookEvent,
  url: z.string(),
  receiver: z.string().default('').describe('host and port; parallel deliveries are limited per receiver'),
  body: JsonText.describe('the task as it was at the event'),
  state: z.enum(['due', 'delivered', 'failed']),
  nextAt: z
    .date()
    .describe('when the next attempt is due; during an attempt: when another process may take over'),
  attempts: z.array(
    z.object({ at: z.date(), status: z.number().nullable(), error: z.string().nullable(), ms: z.number() }),
  ),
  createdAt: z.date(),
  askedAt: z.date().nullable().default(null).describe('when a caller asked to send it again'),
  expiresAt: z.date().nullable().default(null).describe('null while it is due'),
})
export type DeliveryDoc = z.infer<typeof DeliveryDoc>
