import { setTimeout as pause } from 'node:timers/promises'
import type { DataId, MultipartUpload, PartsRequest, PartUrls, UploadedParts } from '@millrace/shared'
import { Failure, notFound } from '../../failure.ts'
import { incomingKey } from '../../objects/keys.ts'
import type { StoredPart } from '../../objects/multipart.ts'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'

/** The limits of every S3 store: parts of 5 MiB to 5 GiB, at most 10,000 of them. */
const usualPart = 16 * 1024 * 1024
const mostParts = 10_000
const MiB = 1024 * 1024
/** Unfinished uploads expire after this time. */
export const uploadLifetimeMs = 24 * 3600 * 1000

type InParts = DataDoc & { multipart: NonNullable<DataDoc['multipart']>; size: number }

export const partSizeFor = (size: number): number =>
  Math.max(usualPart, Math.ceil(size / mostParts / MiB) * MiB)

export function describeMultipart(item: DataDoc, partSize: number): MultipartUpload {
  return {
    kind: 'multipart',
    partSize,
    partCount: partCount(item.size ?? 0, partSize),
    expiresAt: new Date(item.createdAt.getTime() + uploadLifetimeMs).toISOString(),
  }
}

/** The parts that have arrived; a client that resumes an upload skips them. */
export async function uploadedParts(ports: Ports, id: DataId): Promise<UploadedParts> {
  const item = await itemInParts(ports, id)
  const { partSize } = item.multipart
  const uploaded = (await storedParts(ports, item)) ?? []
  return {
    partSize,
    partCount: partCount(item.size, partSize),
    uploaded: uploaded.map(({ partNumber, size, etag }) => ({ partNumber, size, etag })),
  }
}

/** URLs for parts. The first request begins the upload in the store, and decides whether parts carry checksums. */
export async function partUrls(ports: Ports, id: DataId, { parts }: PartsRequest): Promise<PartUrls> {
  const asked = await itemInParts(ports, id)
  refuseBeyond(asked, parts)
  const checksums = parts.every((part) => part.sha256 !== undefined)
  if (!checksums && parts.some((part) => part.sha256 !== undefined)) throw mixed()
  if (checksums && !(await ports.objects.multipart.verifiesParts())) throw unverified()
  const { item, uploadId } = await begun(ports, asked, checksums)
  if (item.multipart.checksums !== checksums) throw mixed()
  const signed = await Promise.all(
    parts.map(async ({ partNumber, sha256 }) => {
      const size = sizeOfPart(item, partNumber)
      const part = await ports.objects.multipart.presign(keyOf(item), uploadId, { partNumber, size, sha256 })
      return { partNumber, ...part }
    }),
  )
  const soonest = Math.min(...signed.map(({ expiresAt }) => expiresAt.getTime()))
  return {
    parts: signed.map(({ partNumber, url, headers }) => ({ partNumber, url, headers })),
    expiresAt: new Date(soonest).toISOString(),
  }
}

/** Assembles the parts when all have arrived. Does nothing when they are assembled already. */
export async function assemble(ports: Ports, item: DataDoc): Promise<void> {
  if (!isInParts(item)) return
  const { uploadId } = item.multipart
  if (uploadId === null) return // never begun
  const parts = await storedParts(ports, item)
  if (parts) {
    const missing = missingParts(item, parts)
    if (missing.length > 0) {
      if (await isBeingAssembled(ports, item, parts)) await untilThere(ports, item)
      if (await ports.objects.head(keyOf(item))) return
      throw incomplete(missing)
    }
    try {
      await ports.objects.multipart.complete(keyOf(item), uploadId, parts)
    } catch (error) {
      await untilThere(ports, item)
      if (!(await ports.objects.head(keyOf(item)))) throw error
    }
  }
  await untilThere(ports, item) // assembled by this request, or by another one
}

/**
 * Whether another request assembles the parts right now: versitygw then lists fewer and fewer of them, then none, then
 * no upload. Without that, the list is the same a moment later.
 */
async function isBeingAssembled(ports: Ports, item: InParts, seen: readonly StoredPart[]): Promise<boolean> {
  await pause(250)
  const now = await storedParts(ports, item)
  return now === null || now.length === 0 || now.length < seen.length
}

/**
 * While versitygw assembles the parts for another request, the upload is gone and the object does not exist yet. Waits
 * about 6 s; after that the caller finds no object and may retry.
 */
async function untilThere(ports: Ports, item: InParts): Promise<void> {
  for (let pauseMs = 50; !(await ports.objects.head(keyOf(item))) && pauseMs <= 3200; pauseMs *= 2)
    await pause(pauseMs)
}

/** Removes the parts of an aborted upload. */
export async function abortMultipart(ports: Ports, item: DataDoc): Promise<void> {
  if (item.multipart?.uploadId) await ports.objects.multipart.abort(keyOf(item), item.multipart.uploadId)
}

async function itemInParts(ports: Ports, id: DataId): Promise<InParts> {
  const item = await ports.store.data.get(id)
  if (!item) throw notFound('data item')
  if (item.status !== 'uploading')
    throw new Failure('upload_finished', `The upload has ended: the item is ${item.status}.`)
  if (!isInParts(item))
    throw new Failure(
      'conflict',
      'This file is sent whole: PUT it to the upload URL (POST …/upload gives it).',
    )
  return item
}

const isInParts = (item: DataDoc): item is InParts => item.multipart !== null && item.size !== null

/** `null`: the store knows no such upload. */
async function storedParts(ports: Ports, item: InParts): Promise<StoredPart[] | null> {
  const { uploadId } = item.multipart
  return uploadId === null ? null : ports.objects.multipart.list(keyOf(item), uploadId)
}

async function begun(
  ports: Ports,
  item: InParts,
  checksums: boolean,
): Promise<{ item: InParts; uploadId: string }> {
  const known = item.multipart.uploadId
  if (known !== null && (await isKnown(ports, item))) return { item, uploadId: known }
  const { multipart } = ports.objects
  const contentType = item.contentType ?? 'application/octet-stream'
  const uploadId = await multipart.begin(keyOf(item), { contentType, checksums })
  const change = await ports.store.data.change(item, (current) =>
    current.status === 'uploading' && current.multipart?.uploadId === known
      ? { ...current, multipart: { ...item.multipart, uploadId, checksums }, updatedAt: ports.clock.now() }
      : null,
  )
  if (change && isInParts(change.after)) return { item: change.after, uploadId }
  // Another request was faster: its upload counts.
  await multipart.abort(keyOf(item), uploadId)
  return begun(ports, await itemInParts(ports, item._id), checksums)
}

/** A store may remove an upload that stays unfinished for long, with its parts. */
async function isKnown(ports: Ports, item: InParts): Promise<boolean> {
  if ((await storedParts(ports, item)) !== null) return true
  if (await ports.objects.head(keyOf(item)))
    throw new Failure('upload_finished', 'All parts have arrived and are assembled: complete the item.')
  return false
}

function refuseBeyond(item: InParts, parts: PartsRequest['parts']): void {
  const count = partCount(item.size, item.multipart.partSize)
  const errors = parts.flatMap(({ partNumber }, at) =>
    partNumber > count ? [{ path: `/parts/${at}/partNumber`, message: `the file has ${count} parts` }] : [],
  )
  if (errors.length > 0) throw new Failure('invalid_request', `The file has ${count} parts.`, { errors })
}

function mixed(): Failure {
  const message = 'either every part of a file carries its sha256, or none does'
  return new Failure('invalid_request', `The parts do not fit together: ${message}.`, {
    errors: [{ path: '/parts', message }],
  })
}

function unverified(): Failure {
  const message = 'the object store does not verify checksums of parts'
  return new Failure(
    'invalid_request',
    `Parts cannot carry sha256: ${message}. Leave it out (in the client: checksums: false), or use a store that verifies it.`,
    { errors: [{ path: '/parts', message }] },
  )
}

function missingParts(
  item: { size: number; multipart: { partSize: number } },
  parts: readonly StoredPart[],
): number[] {
  const count = partCount(item.size, item.multipart.partSize)
  const there = new Map(parts.map(({ partNumber, size }) => [partNumber, size]))
  return Array.from({ length: count }, (_, at) => at + 1).filter((n) => there.get(n) !== sizeOfPart(item, n))
}

function incomplete(missing: readonly number[]): Failure {
  const named = missing.slice(0, 10).join(', ')
  const rest = missing.length > 10 ? ` and ${missing.length - 10} more` : ''
  return new Failure(
    'upload_incomplete',
    `Parts have not arrived: ${named}${rest}. POST …/parts gives their URLs.`,
  )
}

const partCount = (size: number, partSize: number): number => Math.ceil(size / partSize)

function sizeOfPart(item: { size: number; multipart: { partSize: number } }, partNumber: number): number {
  const { partSize } = item.multipart
  return Math.min(partSize, item.size - (partNumber - 1) * partSize)
}

const keyOf = (item: DataDoc): string => incomingKey(item._id, item.uploads)
