import { z } from 'zod'
import { DataId, GrantId, TaskId } from './ids.ts'
import { Json } from './json.ts'

export const DataType = z.enum([
  'image',
  'video',
  'audio',
  'text',
  'json',
  'number',
  'boolean',
  'file',
  'list',
])
export type DataType = z.infer<typeof DataType>

export const DataStatus = z.enum([
  'pending',
  'uploading',
  'available',
  'failed',
  'expired',
  'deleting',
  'removing',
])
export type DataStatus = z.infer<typeof DataStatus>

/** Legal transitions of a data item. `removing` ends when the document is deleted. */
export const dataMoves: Record<DataStatus, readonly DataStatus[]> = {
  pending: ['available', 'failed', 'deleting'],
  uploading: ['available', 'failed', 'expired', 'deleting'],
  available: ['failed', 'deleting', 'expired', 'pending'],
  failed: ['deleting', 'pending'],
  expired: ['deleting', 'pending'],
  deleting: ['available', 'failed', 'expired', 'pending', 'uploading', 'removing'],
  removing: [],
}

/** An item that can still become available; tasks that need it wait. */
export const isAwaited = (status: DataStatus): boolean =>
  status === 'pending' || status === 'uploading' || status === 'deleting'

export const DataItem = z.object({
  id: DataId,
  label: z.string(),
  type: DataType,
  isFile: z.boolean(),
  status: DataStatus,
  value: Json.optional(),
  truncated: z.boolean().optional().describe('the value is longer than a list shows; read the item'),
  contentType: z.string().optional(),
  size: z.number().int().nonnegative().optional().describe('bytes'),
  sha256: z.string().optional().describe('hex; present only when the object store verified it'),
  fileName: z.string().optional(),
  width: z.number().int().optional().describe('pixels; of images and videos whose header has it'),
  height: z.number().int().optional(),
  durationSeconds: z
    .number()
    .nullish()
    .describe('of uploaded audio and video; null when the file does not contain it'),
  items: z.array(z.object({ data: DataId })).optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  producer: z.object({ taskId: TaskId, output: z.string() }).nullable(),
  grantId: GrantId.nullable().describe('created with the token of this grant'),
  tags: z.array(z.string()),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
})
export type DataItem = z.infer<typeof DataItem>

/** A content type without its parameters, in lower case. */
export const essenceOf = (contentType: string): string =>
  contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''

/** The data type of a content type, e.g. `image/png` → `image`. */
export function dataTypeOf(contentType: string): DataType {
  const essence = essenceOf(contentType)
  const family = essence.split('/', 1)[0]
  if (family === 'image' || family === 'video' || family === 'audio' || family === 'text') return family
  if (essence === 'application/json' || essence.endsWith('+json')) return 'json'
  return 'file'
}

/** The data type of a JSON value. */
export function dataTypeOfValue(value: Json): DataType {
  if (typeof value === 'string') return 'text'
  if (typeof value === 'number') return 'number'
  if (typeof value === 'boolean') return 'boolean'
  return 'json'
}
