import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { Listing } from './folder-listing.ts'

/**
 * SHA-256 of a folder's contents: names and bytes, with CRLF read as LF in text files, so that a checkout
 * under Windows has the digest it has under Linux. Order, time stamps and permissions do not count.
 * A link counts by where it points, not by what is there.
 */
export async function digestOf(folder: string, listing: Listing): Promise<string> {
  const whole = createHash('sha256')
  for (const entry of listing.entries) {
    const content =
      entry.kind === 'link'
        ? `link:${entry.target.replaceAll('\\', '/')}`
        : await digestOfFile(join(folder, entry.path))
    whole.update(`${entry.path}\0${content}\n`)
  }
  return whole.digest('hex')
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  let update: ((chunk: Buffer) => void) | null = null
  let finish = () => {}
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    if (!Buffer.isBuffer(chunk)) continue
    if (!update) {
      const text = unixText(hash)
      const binary = chunk.subarray(0, 8000).includes(0)
      update = binary ? (bytes) => hash.update(bytes) : text.update
      finish = binary ? finish : text.finish
    }
    update(chunk)
  }
  finish()
  return hash.digest('hex')
}

const carriageReturn = 13

/** Feeds a hash with CRLF turned into LF, also where a chunk ends between the two. */
function unixText(hash: Hash): { update(chunk: Buffer): void; finish(): void } {
  let held = false
  return {
    update(chunk) {
      const text = (held ? '\r' : '') + chunk.toString('latin1')
      held = chunk.at(-1) === carriageReturn
      hash.update((held ? text.slice(0, -1) : text).replaceAll('\r\n', '\n'), 'latin1')
    },
    finish() {
      if (held) hash.update('\r')
    },
  }
}
