import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Entry, Listing } from './folder-listing.ts'

/**
 * SHA-256 of a folder's contents: names and bytes, with CRLF read as LF in text files, so that a checkout
 * under Windows has the same digest as under Linux. Order, time stamps and permissions do not count.
 * A link counts by its target path, not by the target's contents.
 */
export async function digestOf(folder: string, listing: Listing): Promise<string> {
  const whole = createHash('sha256')
  const contentOf = (entry: Entry) =>
    entry.kind === 'link'
      ? `link:${entry.target.replaceAll('\\', '/')}`
      : digestOfFile(join(folder, entry.path), entry.size)
  for (let at = 0; at < listing.entries.length; at += atOnce) {
    const entries = listing.entries.slice(at, at + atOnce)
    const contents = await Promise.all(entries.map(contentOf))
    for (const [index, { path }] of entries.entries()) whole.update(`${path}\0${contents[index]}\n`)
  }
  return whole.digest('hex')
}

/** How many files to read at the same time. */
const atOnce = 16
/** Opening a stream takes longer than reading a small file. */
const smallFile = 256 * 1024

async function digestOfFile(path: string, size: number): Promise<string> {
  const hash = createHash('sha256')
  let update: ((chunk: Buffer) => void) | null = null
  let finish = () => {}
  const chunks = size > smallFile ? createReadStream(path, { highWaterMark: 256 * 1024 }) : [readFile(path)]
  for await (const chunk of chunks) {
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

/** Updates a hash with CRLF turned into LF, also where a chunk ends between the two. */
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
