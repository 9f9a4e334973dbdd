import { TaskId, WebhookEvent, WebhookId } from '@millrace/shared'
import { z } from 'zod'
import { doc, JsonText } from './base.ts'

export const WebhookDoc = z.object({
  _id: WebhookId,
  ...doc,
  apiKey: z.string(),
  url: z.string(),
  events: z.array(WebhookEvent),
  secret: z.string().describe('as it is: a message cannot be signed with a hash of it'),
  disabledAt: z.date().nullable(),
  createdAt: z.date(),
})
export type WebhookDoc = z.infer<typeof WebhookDoc>

/** One event for one receiver, with everything that was tried. Its id comes from webhook, task and round. */
export const DeliveryDoc = z.object({
  _id: z.string(),
  ...doc,
  webhook: WebhookId,
  task: TaskId,
  type: WebhookEvent,
  url: z.string(),
  receiver: z.string().default('').describe('host and port: so many at once are sent to each'),
  body: JsonText.describe('what is sent, as things stood then'),
  state: z.enum(['due', 'delivered', 'failed']),
  nextAt: z.date().describe('when it is to be tried; while somebody tries, when others may take it for left'),
  attempts: z.array(
    z.object({ at: z.date(), status: z.number().nullable(), error: z.string().nullable(), ms: z.number() }),
  ),
  createdAt: z.date(),
  askedAt: z.date().nullable().default(null).describe('when somebody asked for it to be sent once more'),
  expiresAt: z.date().nullable().default(null).describe('null while it is due'),
})
export type DeliveryDoc = z.infer<typeof DeliveryDoc>
