import {
  type CreateData,
  type CreateFile,
  type CreateValue,
  type DataId,
  dataTypeOf,
  dataTypeOfValue,
  inlineValueLimit,
  singleUploadLimit,
  type Upload,
} from '@millrace/shared'
import type { z } from 'zod'
import { Failure, notFound } from '../../failure.ts'
import { incomingKey } from '../../objects/keys.ts'
import type { Ports } from '../../ports.ts'
import type { GrantDoc } from '../../store/documents/access.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import { newItem } from '../../store/documents/new-item.ts'
import type { Caller } from '../access/caller.ts'
import { spendUpload } from '../access/grant-quota.ts'
import { deduplicate } from './deduplicate.ts'
import { describeMultipart, partSizeFor } from './multipart-upload.ts'

type Created = { item: DataDoc; upload: Upload | null }

/** A small value, stored in the database and available at once. */
export async function createValue(
  ports: Ports,
  caller: Caller,
  wanted: z.output<typeof CreateValue>,
): Promise<Created> {
  const json = JSON.stringify(wanted.value)
  const size = Buffer.byteLength(json)
  if (size > inlineValueLimit)
    throw new Failure('payload_too_large', 'An inline value may have 1 MiB of JSON. Upload it as a file.')
  const type = wanted.type ?? dataTypeOfValue(wanted.value)
  const item: DataDoc = { ...blank(ports, caller, wanted, type), status: 'available', json, size }
  const paths = { size: '/value', contentType: '/value' }
  const contentType = type === 'text' ? 'text/plain' : 'application/json'
  const spend = () => spendUpload(ports, caller.grant, item._id, { size, contentType, paths })
  return { item: await insertOnce(ports, caller, item, { spend }), upload: null }
}

/** A file that its owner is about to PUT into the object store. */
export async function createFile(
  ports: Ports,
  caller: Caller,
  wanted: z.output<typeof CreateFile>,
): Promise<Created> {
  const { name, size, contentType, sha256 } = wanted.file
  const item: DataDoc = {
    ...blank(ports, caller, wanted, wanted.type ?? dataTypeOf(contentType)),
    isFile: true,
    status: 'uploading',
    contentType,
    size,
    sha256: sha256 ?? null,
    fileName: name,
    multipart:
      size > singleUploadLimit ? { partSize: partSizeFor(size), uploadId: null, checksums: false } : null,
    uploads: 1,
  }
  const paths = { size: '/file/size', contentType: '/file/contentType' }
  const spend = () => spendUpload(ports, caller.grant, item._id, { size, contentType, paths })
  const made = await insertOnce(ports, caller, item, { spend, reuse: () => deduplicate(ports, item) })
  return { item: made, upload: made.status === 'uploading' ? await uploadOf(ports, made) : null }
}

/** A new URL with a new key, for a file that is sent whole; the object under the old key no longer counts. */
export async function freshUpload(ports: Ports, grant: GrantDoc | null, id: DataId): Promise<Created> {
  const item = await ports.store.data.get(id)
  if (!item) throw notFound('data item')
  if (grant && item.status === 'uploading' && !item.multipart) {
    const stored = await ports.objects.head(incomingKey(item._id, item.uploads))
    // A key takes one object only, whatever the number of its URLs.
    if (!stored) return { item, upload: await uploadOf(ports, item) }
    if (item.uploads >= uploadsUnderGrant) throw tooOften()
  }
  // Parts that have arrived stay: a multipart upload continues, it never restarts.
  if (item.status === 'uploading' && item.multipart) return { item, upload: await uploadOf(ports, item) }
  const change = await ports.store.data.change(item, (current) =>
    current.status === 'uploading'
      ? { ...current, uploads: current.uploads + 1, updatedAt: ports.clock.now() }
      : null,
  )
  if (!change) throw new Failure('upload_finished', 'The upload has ended: the item is no longer uploading.')
  return { item: change.after, upload: await uploadOf(ports, change.after) }
}

/** Of one item: the first may break off, or be the wrong file. An honest page needs no more. */
const uploadsUnderGrant = 3

const tooOften = () =>
  new Failure(
    'forbidden',
    `With this token a file may be uploaded ${uploadsUnderGrant} times. Complete the item, or make another one.`,
  )

async function uploadOf(ports: Ports, item: DataDoc): Promise<Upload> {
  if (item.multipart) return describeMultipart(item, item.multipart.partSize)
  const { url, headers, expiresAt } = await ports.objects.presignPut(incomingKey(item._id, item.uploads), {
    size: item.size ?? 0,
    contentType: item.contentType ?? 'application/octet-stream',
    sha256: item.sha256 ?? undefined,
  })
  return { kind: 'single', method: 'PUT', url, headers, expiresAt: expiresAt.toISOString() }
}

/** A repeated request makes the same id: an existing item counts, and a deleted one does not come back. */
async function insertOnce(
  ports: Ports,
  caller: Caller,
  item: DataDoc,
  { spend, reuse }: { spend: () => Promise<void>; reuse?: () => Promise<DataDoc | null> },
): Promise<DataDoc> {
  const there = caller.repeated ? await ports.store.data.get(item._id) : null
  if (there) return there
  if (caller.replayed) throw notFound('data item')
  await spend()
  const made = (await reuse?.()) ?? item
  if (await ports.store.data.insert(made)) return made
  return (await ports.store.data.get(item._id)) ?? made
}

function blank(ports: Ports, caller: Caller, wanted: CreateData, type: DataDoc['type']): DataDoc {
  return newItem({
    _id: caller.ids.data(),
    apiKey: caller.apiKey,
    grant: caller.grant?._id ?? null,
    label: wanted.label,
    type,
    status: 'available',
    tags: wanted.tags,
    createdAt: ports.clock.now(),
    expiresAt: wanted.expiresAt ? new Date(wanted.expiresAt) : null,
  })
}
