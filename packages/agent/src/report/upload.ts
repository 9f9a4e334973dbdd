import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { OutputFile, OutputsAnswer } from '@millrace/shared/for-agents'
import { backoffMs, sleep } from '@millrace/std/time'
import { exchange, storeIdleMs } from '../http/exchange.ts'
import type { SpooledFile } from './spool.ts'

type AskForUrls = (files: OutputFile[]) => Promise<OutputsAnswer>

/** The upload cannot succeed, even with retries. */
export class UploadImpossible extends Error {
  override name = 'UploadImpossible'
}

const atOnce = 4
const perCall = 1000
/** Definite rejections, each for a fresh URL, after which the upload counts as impossible. */
const refusalsAllowed = 6

export type UploadOptions = {
  ask: AskForUrls
  signal: AbortSignal
  /** The most rounds; without it, the upload waits for an unreachable store without limit. */
  rounds?: number
  onTrouble(error: unknown): void
  first?: number
}

/**
 * Uploads files to presigned URLs until all have arrived. Throws `UploadImpossible` when a file has changed or
 * gone, or the store keeps refusing; passes on what `ask` throws.
 */
export async function upload(files: SpooledFile[], options: UploadOptions): Promise<void> {
  let left = files
  let refusals = 0
  for (let round = 1; left.length > 0; round++) {
    const failed: { file: SpooledFile; error: unknown }[] = []
    for (let at = 0; at < left.length; at += perCall)
      failed.push(...(await uploadOnce(left.slice(at, at + perCall), options)))
    left = failed.map(({ file }) => file)
    const first = failed[0]
    if (!first) return
    options.signal.throwIfAborted()
    if (failed.some(({ error }) => error instanceof UploadImpossible)) throw first.error
    options.onTrouble(first.error)
    if (failed.some(({ error }) => error instanceof Refused) && ++refusals >= refusalsAllowed)
      throw new UploadImpossible('the store keeps refusing', { cause: first.error })
    if (options.rounds !== undefined && round >= options.rounds)
      throw new UploadImpossible(`not there after ${round} tries`, { cause: first.error })
    await sleep(backoffMs(round, { first: options.first ?? 250 }), options.signal)
  }
}

class Refused extends Error {
  override name = 'Refused'
}

async function uploadOnce(files: SpooledFile[], { ask, signal }: UploadOptions) {
  const { uploads } = await ask(files.map(({ path: _path, ...file }) => file))
  const failed: { file: SpooledFile; error: unknown }[] = []
  const waiting = [...files]
  const worker = async () => {
    for (let file = waiting.shift(); file && !signal.aborted; file = waiting.shift()) {
      const target = uploads.find(({ output, n }) => output === file.output && n === file.n)
      try {
        if (!target) throw new Error(`no URL came for ${file.output}`)
        await put(file, target, signal)
      } catch (error) {
        failed.push({ file, error })
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, files.length) }, worker))
  signal.throwIfAborted()
  return failed
}

async function put(
  file: SpooledFile,
  target: OutputsAnswer['uploads'][number],
  signal: AbortSignal,
): Promise<void> {
  const found = await stat(file.path).catch((cause: unknown) => {
    throw new UploadImpossible(`${file.name} is gone`, { cause })
  })
  if (found.size !== file.size) throw new UploadImpossible(`${file.name} changed after the run`)
  const { status } = await exchange({
    method: 'PUT',
    url: target.url,
    headers: target.headers,
    body: file.size === 0 ? Buffer.alloc(0) : { stream: createReadStream(file.path), size: file.size },
    idleMs: storeIdleMs,
    signal,
  })
  // A URL is valid for one object only: 412 means that an earlier attempt succeeded.
  if ((status >= 200 && status <= 299) || status === 412) return
  if (status >= 400 && status < 500 && status !== 408 && status !== 429)
    throw new Refused(`the store refused ${file.name}: ${status}`)
  throw new Error(`the store failed on ${file.name}: ${status}`)
}
