import type { DataId } from '@millrace/shared'
import { Failure, notFound } from '../../failure.ts'
import { incomingKey } from '../../objects/keys.ts'
import type { StoredObject } from '../../objects/objects.ts'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import { admitDependents } from '../settle/dependents.ts'
import type { SettlePorts } from '../settle/ports.ts'
import { settle } from '../settle/settle.ts'
import { assemble } from './multipart-upload.ts'
import { unmeasured } from './probe.ts'
import { removeContent } from './remove-content.ts'
import { isSniffed, type Sniffed, sniff } from './sniff.ts'
import { type ReadRange, storedFile } from './stored-file.ts'

/** The client reports the end of an upload: verify the object in the store, then admit waiting tasks. */
export async function completeUpload(ports: SettlePorts, id: DataId): Promise<DataDoc> {
  const item = await ports.store.data.get(id)
  if (!item) throw notFound('data item')
  if (item.status === 'available') return settleData(ports, item)
  if (item.status !== 'uploading') throw new Failure('conflict', `The item is ${item.status}, not uploading.`)
  const object = incomingKey(id, item.uploads)
  await assemble(ports, item)
  const stored = await ports.objects.head(object)
  if (!stored)
    throw new Failure(
      'upload_incomplete',
      'The bytes have not arrived. PUT them to the upload URL first; POST …/upload gives a fresh one.',
    )
  const inside = await contentOf(ports, object, stored)
  const fault = faultOfUpload(item, stored)
  if (fault)
    throw new Failure(
      'upload_mismatch',
      `${fault} Ask for a fresh URL with POST …/upload and send the right bytes.`,
    )
  if (inside.fault)
    throw new Failure(
      'upload_mismatch',
      `${inside.fault} If these are the right bytes, create a new item with the type that they have; if not, ask for a fresh URL with POST …/upload.`,
    )
  const change = await ports.store.data.change(item, (current) =>
    current.status === 'uploading' && current.uploads === item.uploads
      ? {
          ...current,
          status: 'available',
          object,
          sha256: stored.sha256,
          ...inside.measures,
          settle: { kind: 'admit-waiting' },
          updatedAt: ports.clock.now(),
        }
      : null,
  )
  if (!change) return completeUpload(ports, id)
  ports.failpoint('upload.completed')
  return settleData(ports, change.after)
}

/** How the stored object differs from the declared size, type and checksum. */
export function faultOfUpload(
  item: Pick<DataDoc, 'size' | 'contentType' | 'sha256'>,
  stored: StoredObject,
): string | null {
  if (item.size !== stored.size) return `The object has ${stored.size} bytes, promised were ${item.size}.`
  if (item.contentType !== stored.contentType)
    return `The object is ${stored.contentType}, promised was ${item.contentType}.`
  if (item.sha256 !== null && item.sha256 !== stored.sha256)
    return 'The SHA-256 of the object is not the promised one.'
  return null
}

/** Type, measures and fault of the stored bytes. */
export function contentOf(
  ports: Ports,
  object: string,
  { contentType, size }: Pick<StoredObject, 'contentType' | 'size'>,
): Promise<Sniffed> {
  if (!isSniffed(contentType)) return Promise.resolve({ fault: null, measures: unmeasured })
  const read: ReadRange = (from, to, signal) => ports.objects.readRange(object, from, to, signal)
  return sniff(contentType, storedFile(size, read))
}

/** After an item became available, or never will: admits the tasks that wait for it. */
export async function settleData(ports: SettlePorts, item: DataDoc): Promise<DataDoc> {
  if (!item.settle) return item
  if (item.status === 'expired') await removeContent(ports, item)
  for (const ended of await admitDependents(ports, [item._id])) await settle(ports, ended)
  ports.failpoint('upload.waiting-admitted')
  const change = await ports.store.data.change(item, (current) =>
    current.settle ? { ...current, settle: null } : null,
  )
  if (change) ports.failpoint('upload.cleared')
  return change?.after ?? item
}
