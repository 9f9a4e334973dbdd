import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { GrantedFile } from '@millrace/shared/for-agents'
import { backoffMs, sleep } from '@millrace/std/time'
import { open, storeIdleMs } from '../../http/exchange.ts'

/** An unavailable input. `retryable`: another attempt may succeed. */
export class InputUnavailable extends Error {
  readonly retryable: boolean
  constructor(message: string, retryable: boolean, cause?: unknown) {
    super(message, { cause })
    this.name = 'InputUnavailable'
    this.retryable = retryable
  }
}

export type DownloadOptions = {
  /** A fresh URL of the same file; `null`: this agent no longer has the run. */
  freshUrl(): Promise<string | null>
  signal: AbortSignal
  onTrouble(error: unknown): void
  tries?: number
  first?: number
}

/** Streams a granted file to `path` and checks its size and checksum. Throws `InputUnavailable` in the end. */
export async function download(
  file: GrantedFile['file'],
  path: string,
  options: DownloadOptions,
): Promise<void> {
  const { signal, onTrouble, tries = 12 } = options
  let url = file.url
  for (let round = 1; ; round++) {
    try {
      return await downloadOnce({ ...file, url }, path, signal)
    } catch (error) {
      signal.throwIfAborted()
      onTrouble(error)
      if (error instanceof StoreSays && error.status === 404)
        throw new InputUnavailable(`${file.name} (${file.data}) is not in the store`, false, error)
      if (round >= tries)
        throw new InputUnavailable(`${file.name} (${file.data}) cannot be fetched`, true, error)
      await sleep(backoffMs(round, { first: options.first ?? 250 }), signal)
      // The URL may have expired; a new one costs little.
      if (error instanceof StoreSays) url = (await options.freshUrl().catch(keepOld(onTrouble))) ?? url
    }
  }
}

const keepOld = (onTrouble: (error: unknown) => void) => (error: unknown) => {
  onTrouble(error)
  return null
}

class StoreSays extends Error {
  readonly status: number
  constructor(name: string, status: number) {
    super(`the store answered ${status} for ${name}`)
    this.status = status
  }
}

async function downloadOnce(file: GrantedFile['file'], path: string, signal: AbortSignal): Promise<void> {
  const response = await open({ method: 'GET', url: file.url, headers: {}, idleMs: storeIdleMs, signal })
  if (response.statusCode !== 200) {
    response.resume()
    throw new StoreSays(file.name, response.statusCode ?? 0)
  }
  const hash = file.sha256 ? createHash('sha256') : null
  let size = 0
  const measure = new Transform({
    transform(chunk: Buffer, _, done) {
      size += chunk.length
      hash?.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(response, measure, createWriteStream(path, { mode: 0o600 }), { signal })
  if (size !== file.size) throw new Error(`${file.name} came with ${size} bytes instead of ${file.size}`)
  if (hash && hash.digest('hex') !== file.sha256) throw new Error(`${file.name} came with another checksum`)
}
