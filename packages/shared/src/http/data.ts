import { z } from 'zod'
import { DataItem, DataStatus, DataType } from '../data.ts'
import { TaskId } from '../ids.ts'
import { Json } from '../json.ts'
import { Label, PageQuery, pageOf, Tags } from './lists.ts'

/** Above this a file is sent in parts. */
export const singleUploadLimit = 100 * 1024 * 1024
export const inlineValueLimit = 1024 * 1024
export const largestFile = 5 * 1024 ** 4

export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/i, '64 hexadecimal digits')
  .transform((hex) => hex.toLowerCase())
const ContentType = z
  .string()
  .max(255)
  .regex(/^[\w.+-]+\/[\w.+-]+(\s*;\s*[\w.+-]+=("[^"\r\n]*"|[\w.+-]+))*$/, 'a media type such as image/png')

const common = {
  label: Label,
  type: DataType.optional(),
  tags: Tags.default([]),
  expiresAt: z.iso.datetime().nullish(),
}

export const CreateValue = z.strictObject({ ...common, value: Json })
export const CreateFile = z.strictObject({
  ...common,
  file: z.strictObject({
    name: z.string().min(1).max(255),
    size: z.number().int().nonnegative().max(largestFile).describe('bytes'),
    contentType: ContentType.default('application/octet-stream'),
    sha256: Sha256.optional(),
  }),
})
export const CreateData = z.union([CreateValue, CreateFile])
export type CreateData = z.infer<typeof CreateData>

/** `headers` is exactly what a script must set on the PUT. */
export const SingleUpload = z.object({
  kind: z.literal('single'),
  method: z.literal('PUT'),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  expiresAt: z.iso.datetime(),
})
export type SingleUpload = z.infer<typeof SingleUpload>

export const DataAnswer = z.object({ data: DataItem })
export const UploadAnswer = z.object({ data: DataItem, upload: SingleUpload.nullable() })
export type UploadAnswer = z.infer<typeof UploadAnswer>

export const DataQuery = PageQuery.extend({
  status: DataStatus.optional(),
  type: DataType.optional(),
  label: Label.optional().describe('prefix'),
  tag: z.string().optional(),
  producer: TaskId.optional(),
})
export type DataQuery = z.infer<typeof DataQuery>
export const DataPage = pageOf(DataItem)

export const ContentQuery = z.object({
  redirect: z.enum(['0', '1']).default('1'),
  disposition: z.enum(['inline', 'attachment']).default('attachment'),
})
export const ContentUrl = z.object({ url: z.string(), expiresAt: z.iso.datetime() })
