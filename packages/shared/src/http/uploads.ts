import { z } from 'zod'
import { DataItem, DataType } from '../data.ts'
import { DataId } from '../ids.ts'
import { Json } from '../json.ts'
import type { Calls } from './call.ts'
import { DataAnswer } from './data.ts'
import { Label, Tags } from './lists.ts'

/** A larger file is sent in parts. */
export const singleUploadLimit = 100 * 1024 * 1024
export const inlineValueLimit = 1024 * 1024
export const largestFile = 5 * 1024 ** 4

export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/i, '64 hexadecimal digits')
  .transform((hex) => hex.toLowerCase())
/**
 * Content types as browsers write and read them, looser than RFC 9110: parameter values may contain commas and blanks
 * without quotes, and a semicolon may end the whole. It is removed here, since stores trim it too.
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
      message: 'the store can verify a file above 100 MiB only by its parts: give a checksum for each part',
    }),
})
export const CreateData = z.union([CreateValue, CreateFile])
export type CreateData = z.infer<typeof CreateData>

/** `headers` are exactly the ones that a script must set on the PUT. */
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

/** Upload values and files. */
export const uploadCalls = {
  createData: {
    method: 'POST',
    path: '/api/data',
    tag: 'Data',
    summary: 'Store a value, or begin an upload of a file',
    scope: 'write',
    body: CreateData,
    example: { label: 'holiday.png', file: { name: 'holiday.png', size: 83_201, contentType: 'image/png' } },
    bodyLimit: 'value',
    idempotent: true,
    openToGrants: true,
    answers: { 201: { description: 'Created', json: UploadAnswer } },
  },
  completeUpload: {
    method: 'POST',
    path: '/api/data/{id}/complete',
    tag: 'Data',
    summary: 'Verify the uploaded bytes and make the item available',
    scope: 'write',
    params: { id: DataId },
    subject: 'data item',
    idempotent: true,
    openToGrants: true,
    answers: { 200: { description: 'Available', json: DataAnswer } },
  },
  renewUpload: {
    method: 'POST',
    path: '/api/data/{id}/upload',
    tag: 'Data',
    summary: 'Get a fresh upload URL',
    scope: 'write',
    params: { id: DataId },
    subject: 'data item',
    idempotent: true,
    openToGrants: true,
    answers: { 200: { description: 'The URL', json: UploadAnswer } },
  },
  listParts: {
    method: 'GET',
    path: '/api/data/{id}/parts',
    tag: 'Data',
    summary: 'List the parts of a large file that have arrived',
    scope: 'write',
    params: { id: DataId },
    subject: 'data item',
    openToGrants: true,
    answers: { 200: { description: 'The parts', json: UploadedParts } },
  },
  createPartUrls: {
    method: 'POST',
    path: '/api/data/{id}/parts',
    tag: 'Data',
    summary: 'Get upload URLs for parts of a large file',
    scope: 'write',
    params: { id: DataId },
    subject: 'data item',
    body: PartsRequest,
    bodyLimit: 'value',
    openToGrants: true,
    answers: { 200: { description: 'The URLs', json: PartUrls } },
  },
} as const satisfies Calls
