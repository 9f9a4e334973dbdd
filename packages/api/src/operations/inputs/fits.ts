import { canonicalFormat, essenceOf, faultOfValue, isAwaited, type Json, type Port } from '@millrace/shared'
import type { DataDoc } from '../../store/documents/data.ts'

/** What is wrong with a data item as this input; `null` when it fits (or may still turn out to). */
export function faultOfItem(port: Port, item: DataDoc): string | null {
  switch (port.type) {
    case 'file':
      return item.isFile
        ? faultOfFormat(port, item)
        : item.type === 'text' || item.type === 'json'
          ? null
          : notOf(port, item)
    case 'text':
    case 'json':
      return item.isFile ? faultOfTextFile(port, item) : faultOfInline(port, item)
    case 'number':
    case 'boolean':
      return item.isFile ? notOf(port, item) : faultOfInline(port, item)
  }
}

/** Whether any of the formats that an output may have is one that this input takes. */
export function faultOfOutput(port: Port, formats: readonly string[] | null): string | null {
  if (port.type !== 'file' || !port.format || !formats || formats.some((one) => port.format?.includes(one)))
    return null
  return `must be ${port.format.join(' or ')}; that output is ${formats.join(' or ')}`
}

function faultOfInline(port: Port, item: DataDoc): string | null {
  if (item.json !== null) {
    const value: Json = JSON.parse(item.json)
    return faultOfValue(port, value)
  }
  // The value does not exist yet: check its declared type.
  if (!isAwaited(item.status)) return null
  return port.type === 'json' || item.type === port.type ? null : notOf(port, item)
}

const readableLimit = 64 * 1024 * 1024

function faultOfTextFile(port: Port, item: DataDoc): string | null {
  if (item.type !== port.type && item.type !== 'file' && item.type !== 'text') return notOf(port, item)
  if ((item.size ?? 0) > readableLimit) return 'is a file of more than 64 MiB, too long to be read as a value'
  return null
}

function faultOfFormat(port: Port, item: DataDoc): string | null {
  if (!port.format) return null
  const formats = formatsOf(item)
  // A pending output may have neither a name nor a type to check.
  if (formats.length === 0 && isAwaited(item.status)) return null
  if (formats.some((format) => port.format?.includes(format))) return null
  const found = item.contentType ?? item.fileName ?? item.type
  const advice =
    item.contentType === undefined || item.contentType === null || item.contentType === untold
      ? `: upload it with its own content type, or under a name that ends in .${port.format[0]}`
      : ''
  return `must be ${port.format.join(' or ')}, not ${found}${advice}`
}

/** Programs that know no type send these: they say nothing about the content. */
const untold = 'application/octet-stream'

/** Types whose subtype is not their usual file extension. */
const otherNames: Record<string, string[]> = {
  'audio/mpeg': ['mp3'],
  'audio/mp4': ['m4a', 'mp4'],
  'audio/x-m4a': ['m4a', 'mp4'],
  'audio/wave': ['wav'],
  'audio/vnd.wave': ['wav'],
  'audio/x-matroska': ['mka', 'mkv'],
  'audio/ogg': ['ogg', 'oga', 'opus'],
  'video/quicktime': ['mov'],
  'video/x-matroska': ['mkv'],
  'video/matroska': ['mkv'],
  'video/x-msvideo': ['avi'],
  'video/vnd.avi': ['avi'],
  'video/mp4': ['mp4', 'm4v'],
  'text/plain': ['txt'],
  'text/markdown': ['md'],
  'image/svg+xml': ['svg'],
  'image/x-icon': ['ico'],
  'image/vnd.microsoft.icon': ['ico'],
  'application/x-subrip': ['srt'],
  'application/x-ndjson': ['ndjson', 'jsonl'],
  'application/x-zip-compressed': ['zip'],
}

function formatsOf(item: DataDoc): string[] {
  const essence = essenceOf(item.contentType ?? '')
  const named = otherNames[essence] ?? [essence.split('/')[1]?.replace(/^x-/, '')]
  const extension = item.fileName?.includes('.') ? item.fileName.split('.').at(-1) : undefined
  return [...named, extension]
    .filter((format) => format !== undefined && format !== '')
    .map((format) => canonicalFormat(String(format)))
}

const notOf = (port: Port, item: DataDoc): string =>
  `must be ${port.type}, not ${item.isFile ? `a file of type ${item.type}` : item.type}`
