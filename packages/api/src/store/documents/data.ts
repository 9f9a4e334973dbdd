import { DataId, DataStatus, DataType, GrantId, TaskId } from '@millrace/shared'
import { z } from 'zod'
import { doc, JsonText } from './base.ts'

export const DataDoc = z.object({
  _id: DataId,
  ...doc,
  apiKey: z.string(),
  grant: GrantId.nullable().default(null).describe('created with the token of this grant'),
  label: z.string(),
  type: DataType,
  isFile: z.boolean(),
  status: DataStatus,
  before: DataStatus.nullish().describe('while it is `deleting`: where it goes back to'),
  json: JsonText.nullable(),
  object: z.string().nullable().describe('key in the object store'),
  contentType: z.string().nullable(),
  size: z.number().nullable(),
  sha256: z.string().nullable().describe('promised while uploading, verified by the store afterwards'),
  fileName: z.string().nullable(),
  width: z.number().nullish(),
  height: z.number().nullish(),
  durationSeconds: z.number().nullish(),
  items: z.array(DataId).nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  producer: z.object({ taskId: TaskId, output: z.string() }).nullable(),
  round: z.number(),
  multipart: z
    .object({ partSize: z.number(), uploadId: z.string().nullable(), checksums: z.boolean() })
    .nullable()
    .default(null)
    .describe('a file that comes in parts; its upload begins in the store with the first URLs'),
  uploads: z.number().describe('how many upload URLs were given out; the newest has this number'),
  settle: z.object({ kind: z.literal('admit-waiting') }).nullable(),
  tags: z.array(z.string()),
  createdAt: z.date(),
  updatedAt: z.date(),
  expiresAt: z.date().nullable(),
})
export type DataDoc = z.infer<typeof DataDoc>
