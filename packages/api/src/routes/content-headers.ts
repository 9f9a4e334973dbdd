import { essenceOf } from '@millrace/shared'

/**
 * How a browser may show a stored file. It always saves types that it could run as a page of the store's origin: HTML,
 * SVG, XML, and unknown types.
 */
export function servedType(
  contentType: string | null,
  wanted: 'inline' | 'attachment',
): { contentType: string; disposition: 'inline' | 'attachment' } {
  const essence = essenceOf(contentType ?? '')
  const shown =
    (/^(image|video|audio)\/[\w.+-]+$/.test(essence) &&
      !essence.includes('svg') &&
      !essence.includes('xml')) ||
    essence === 'application/pdf' ||
    essence === 'text/plain'
  if (!shown) return { contentType: 'application/octet-stream', disposition: 'attachment' }
  return {
    contentType: essence === 'text/plain' ? 'text/plain; charset=utf-8' : essence,
    disposition: wanted,
  }
}

/** A file name in any script, safe in a header: RFC 6266 with the ASCII fallback, RFC 8187 for the rest. */
export function contentDisposition(disposition: 'inline' | 'attachment', fileName: string): string {
  const plain = safeFileName(fileName)
  const ascii = plain.replace(/[^\x20-\x7e]/g, '_').replace(/["%;]/g, '_')
  const encoded = encodeURIComponent(plain.toWellFormed()).replace(
    /['()*!]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${disposition}; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

/** Valid in one folder on any system: no path, no invisible characters, no Windows device names or trimmed ends. */
function safeFileName(given: string): string {
  const name = given
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .replace(/[\\/]/g, '_')
    .replace(/[\s.]+$/, '')
    .trimStart()
  return /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name) ? `_${name}` : name || 'file'
}
