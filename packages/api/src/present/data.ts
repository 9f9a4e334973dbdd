import type { DataItem } from '@millrace/shared'
import type { DataDoc } from '../store/documents/data.ts'
import { iso } from './task.ts'

const shownInLists = 4 * 1024

/** A data item as clients see it. Lists leave out long inline values and say so. */
export function presentData(item: DataDoc, options: { list?: boolean } = {}): DataItem {
  const long = options.list === true && item.json !== null && Buffer.byteLength(item.json) > shownInLists
  return {
    id: item._id,
    label: item.label,
    type: item.type,
    isFile: item.isFile,
    status: item.status,
    ...(item.json === null ? {} : long ? { truncated: true } : { value: JSON.parse(item.json) }),
    contentType: item.contentType ?? undefined,
    size: item.size ?? undefined,
    sha256: item.status === 'available' ? (item.sha256 ?? undefined) : undefined,
    fileName: item.fileName ?? undefined,
    width: item.width ?? undefined,
    height: item.height ?? undefined,
    durationSeconds: item.durationSeconds,
    items: item.items?.map((data) => ({ data })),
    error: item.error ?? undefined,
    producer: item.producer,
    grantId: item.grant,
    tags: item.tags,
    createdAt: item.createdAt.toISOString(),
    updatedAt: item.updatedAt.toISOString(),
    expiresAt: iso(item.expiresAt),
  }
}
