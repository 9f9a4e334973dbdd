import { canonicalFormat, faultOfValue, isAwaited, type Json, type Port } from '@millrace/shared'
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
  // The value is not there yet: its declared type must do.
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
  // An output that is not there yet may not have a name or a type to judge by.
  if (formats.length === 0 && isAwaited(item.status)) return null
  if (formats.some((format) => port.format?.includes(format))) return null
  const found = item.contentType ?? item.fileName ?? item.type
  return `must be ${port.format.join(' or ')}, not ${found}`
}

const bySubtype: Record<string, string> = {
  'audio/mpeg': 'mp3',
  'audio/x-wav': 'wav',
  'audio/wave': 'wav',
  'audio/vnd.wave': 'wav',
  'video/quicktime': 'mov',
  'video/x-matroska': 'mkv',
  'text/plain': 'txt',
  'image/svg+xml': 'svg',
}

function formatsOf(item: DataDoc): string[] {
  const essence = item.contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const subtype = bySubtype[essence] ?? essence.split('/')[1]
  const extension = item.fileName?.includes('.') ? item.fileName.split('.').at(-1) : undefined
  return [subtype, extension]
    .filter((format) => format !== undefined && format !== '')
    .map((format) => canonicalFormat(String(format)))
}

const notOf = (port: Port, item: DataDoc): string =>
  `must be ${port.type}, not ${item.isFile ? `a file of type ${item.type}` : item.type}`
