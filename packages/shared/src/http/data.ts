import { z } from 'zod'
import { DataItem, DataStatus, DataType } from '../data.ts'
import { GrantId, TaskId } from '../ids.ts'
import { Json } from '../json.ts'
import { Task } from '../task.ts'
import { Label, PageQuery, pageOf, Tags } from './lists.ts'

/** Above this a file is sent in parts. */
export const singleUploadLimit = 100 * 1024 * 1024
export const inlineValueLimit = 1024 * 1024
export const largestFile = 5 * 1024 ** 4

export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/i, '64 hexadecimal digits')
  .transform((hex) => hex.toLowerCase())
/**
 * As browsers write and read them, which is looser than RFC 9110: values of parameters may hold commas and blanks
 * without quotes, and a semicolon may end it all. That end goes, since stores trim it too.
 */
const ContentType = z
  .string()
  .max(255)
  .regex(
    /^[ \t]*[\w.+!#$&^-]+\/[\w.+!#$&^-]+[ \t]*(;([\t !#-:<-~]|"([\t !#-[\]-~]|\\[\t -~])*")*)*$/,
    'a media type such as image/png or video/webm;codecs=vp8,opus',
  )
  .transform((type) => type.replace(/^[ \t]+|[; \t]+$/g, ''))

const common = {
  label: Label,
  type: DataType.optional(),
  tags: Tags.default([]),
  expiresAt: z.iso.datetime().nullish(),
}

export const CreateValue = z.strictObject({ ...common, value: Json })
export const CreateFile = z.strictObject({
  ...common,
  file: z
    .strictObject({
      name: z.string().min(1).max(255),
      size: z.number().int().nonnegative().max(largestFile).describe('bytes'),
      contentType: ContentType.default('application/octet-stream'),
      sha256: Sha256.optional().describe('of the whole file; up to 100 MiB'),
    })
    .refine(({ size, sha256 }) => size <= singleUploadLimit || sha256 === undefined, {
      path: ['sha256'],
      message: 'the store can check a file above 100 MiB only by its parts: give each part its own',
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

/** Parts are numbered from 1; each but the last has `partSize` bytes. `POST …/parts` gives their URLs. */
export const MultipartUpload = z.object({
  kind: z.literal('multipart'),
  partSize: z.number().int(),
  partCount: z.number().int(),
  expiresAt: z.iso.datetime(),
})
export type MultipartUpload = z.infer<typeof MultipartUpload>
export const Upload = z.discriminatedUnion('kind', [SingleUpload, MultipartUpload])
export type Upload = z.infer<typeof Upload>

export const DataAnswer = z.object({ data: DataItem })
export const UploadAnswer = z.object({ data: DataItem, upload: Upload.nullable() })
export type UploadAnswer = z.infer<typeof UploadAnswer>

const PartNumber = z.number().int().min(1).max(10_000)
export const PartsRequest = z.strictObject({
  parts: z
    .array(z.strictObject({ partNumber: PartNumber, sha256: Sha256.optional() }))
    .min(1)
    .max(1000),
})
export type PartsRequest = z.output<typeof PartsRequest>
export const PartUrls = z.object({
  parts: z.array(
    z.object({ partNumber: PartNumber, url: z.string(), headers: z.record(z.string(), z.string()) }),
  ),
  expiresAt: z.iso.datetime(),
})
export type PartUrls = z.infer<typeof PartUrls>
export const UploadedParts = z.object({
  partSize: z.number().int(),
  partCount: z.number().int(),
  uploaded: z.array(z.object({ partNumber: PartNumber, size: z.number().int(), etag: z.string() })),
})
export type UploadedParts = z.infer<typeof UploadedParts>

export const DataQuery = PageQuery.extend({
  status: DataStatus.optional(),
  type: DataType.optional(),
  label: Label.optional().describe('prefix'),
  tag: z.string().optional(),
  producer: TaskId.optional(),
  grant: GrantId.optional(),
})
export type DataQuery = z.infer<typeof DataQuery>
export const DataPage = pageOf(DataItem)

export const ContentQuery = z.object({
  redirect: z.enum(['0', '1']).default('1'),
  disposition: z.enum(['inline', 'attachment']).default('attachment'),
})
export const ContentUrl = z.object({ url: z.string(), expiresAt: z.iso.datetime() })

/** `expiresAt: null` takes the expiry away; what is left out stays. */
export const EditData = z.strictObject({
  label: Label.optional(),
  tags: Tags.optional(),
  expiresAt: z.iso.datetime().nullish(),
})
export type EditData = z.output<typeof EditData>

export const LineageAnswer = z.object({
  data: DataItem,
  producedBy: Task.nullable(),
  inputs: z.array(DataItem).describe('what that task read'),
  usedBy: z.array(Task).describe('the tasks that read this item, newest first, at most 200'),
})
export type LineageAnswer = z.infer<typeof LineageAnswer>
