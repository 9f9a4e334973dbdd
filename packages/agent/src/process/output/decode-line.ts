import { isUtf8 } from 'node:buffer'

const windows1252 = new TextDecoder('windows-1252')

/**
 * The text of one line of output. Most programs write UTF-8. A line that is not UTF-8 and has no valid multi-byte character
 * is read as Windows-1252, which includes Latin-1; otherwise its broken bytes become U+FFFD.
 */
export function decodeLine(bytes: Buffer, isCut: boolean): { text: string; isForeign?: true } {
  const text = bytes.toString('utf8')
  if (!text.includes('\uFFFD') || isUtf8(bytes)) return { text }
  // A cut may have split a character.
  if (isCut)
    for (const less of [1, 2, 3]) if (isUtf8(bytes.subarray(0, -less))) return { text: text.slice(0, -1) }
  if (/[^\0-\x7f\uFFFD]/.test(text)) return { text }
  return { text: windows1252.decode(bytes), isForeign: true }
}
