import { constants } from 'node:fs'
import { lstat, open } from 'node:fs/promises'
import { decodeText } from './decode-text.ts'

/** Larger than any manifest or requirements file written by hand. */
const usual = 256 * 1024

/**
 * Reads a text file of a module's author, without its byte order mark; `null` when the file does not exist. Never blocks
 * and never reads more than `largest` bytes: a pipe, a device or a larger file is a fault, and so is text that is not
 * UTF-8, unless the caller allows it.
 */
export async function readText(
  path: string,
  { largest = usual, isLenient = false } = {},
): Promise<{ text: string } | { fault: string } | null> {
  try {
    // Opening a pipe waits for its writer, except in this mode.
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const stat = await file.stat()
    if (stat.isDirectory()) return { fault: 'is a folder, not a file' }
    if (!stat.isFile()) return { fault: 'is not a regular file' }
    if (stat.size > largest) return { fault: `has ${stat.size} bytes; at most ${largest} are read` }
    return decode(await file.readFile(), isLenient)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === 'ENOENT' || code === 'ELOOP') return faultOfLink(path)
    if (code === 'EISDIR') return { fault: 'is a folder, not a file' }
    if (code === 'EACCES' || code === 'EPERM')
      return { fault: 'may not be read by the user that the agent runs as: change its permissions' }
    throw error
  }
}

async function faultOfLink(path: string): Promise<{ fault: string } | null> {
  const isLink = await lstat(path).then(
    (stat) => stat.isSymbolicLink(),
    () => false,
  )
  return isLink ? { fault: 'is a link that leads nowhere' } : null
}

function decode(bytes: Buffer, isLenient: boolean): { text: string } | { fault: string } {
  // PowerShell redirections write UTF-16, and so do editors that call it "Unicode".
  const [first, second] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return { fault: 'is written as UTF-16: save it as UTF-8' }
  if (isLenient) return { text: bytes.toString('utf8').replace(/^\uFEFF/, '') }
  const decoded = decodeText(bytes)
  return 'fault' in decoded ? { fault: `${decoded.fault}: save it as UTF-8` } : decoded
}
