import { type Api, openApi } from './api.ts'
import { ApiError } from './api-error.ts'
import type { DataId, DataItem, SingleUpload, UploadAnswer } from './contract.gen.ts'
import { asLabel, asName } from './file-name.ts'
import { PartAddresses } from './part-addresses.ts'
import { persistently, Refused } from './persistently.ts'
import { putting, refuseIfChanged, sha256Of } from './put-bytes.ts'

export type UploadProgress = { sent: number; total: number }
export type UploadFileOptions = {
  /** The installation, and a key with scope `write` or, in a page, the token of a grant. */
  url: string
  key: string
  name?: string
  label?: string
  contentType?: string
  tags?: string[]
  /** Goes on with an upload that was begun before, also by another page: the id of its item. */
  resume?: DataId
  /** The item, as soon as it exists: keep its id to be able to go on later. */
  onCreated?(item: DataItem): void
  /** Bytes that have arrived, of all. */
  onProgress?(progress: UploadProgress): void
  /** Ends the upload where it is. What has arrived stays for 24 hours; `resume` goes on from there. */
  signal?: AbortSignal
  /** Lets the store check SHA-256 sums: of the whole file up to 100 MiB, of each part above. */
  checksums?: boolean
  /** Parts that are sent at the same time (4). */
  parallel?: number
  fetch?: typeof fetch
}

const largestHashedWhole = 100 * 1024 * 1024

/**
 * Uploads a file straight to the object store and resolves with its item once the store has verified it. Needs
 * nothing but `fetch`, so that it runs in pages and in Node alike (there: `await fs.openAsBlob(path)`). What
 * fails on the way is tried again, with growing pauses; what has arrived is not sent again.
 */
export async function uploadFile(file: Blob, options: UploadFileOptions): Promise<DataItem> {
  return upload(file, options).catch((error: unknown) => {
    throw error instanceof Refused ? error.error : error
  })
}

async function upload(file: Blob, options: UploadFileOptions): Promise<DataItem> {
  const call = patientCalls(options)
  const { data, upload } = options.resume
    ? await call('POST /api/data/{id}/upload', { params: { id: options.resume } })
    : await create(call, file, options)
  options.onCreated?.(data)
  if (!upload) return data
  const { id } = data
  if (upload.kind === 'single') await sendWhole({ call, id, file, options }, upload)
  else await sendParts({ call, id, file, options })
  await refuseIfChanged(file) // parts from before and after a change must not be mixed
  return (await call('POST /api/data/{id}/complete', { params: { id } })).data
}

type Call = Api['call']
type Sent = { call: Call; id: DataId; file: Blob; options: UploadFileOptions }

/** Calls that are tried again after a broken connection, and when the API is away or asks to come later. */
function patientCalls(options: UploadFileOptions): Call {
  const { call } = openApi(options)
  return (route, ...given) =>
    persistently(options, () =>
      call(route, ...given).catch((error: unknown) => {
        const isFinal = error instanceof ApiError && error.status < 500 && error.status !== 429
        throw isFinal ? new Refused(error) : error
      }),
    )
}

async function create(call: Call, file: Blob, options: UploadFileOptions): Promise<UploadAnswer> {
  const name = asName(options.name ?? ('name' in file && typeof file.name === 'string' ? file.name : ''))
  const contentType = options.contentType ?? (file.type || undefined)
  const whole = options.checksums && file.size <= largestHashedWhole
  const body = {
    label: options.label ?? asLabel(name),
    tags: options.tags,
    file: { name, size: file.size, contentType, sha256: whole ? await sha256Of(file) : undefined },
  }
  // The same key on every try: an answer that got lost must not leave a second item.
  return call('POST /api/data', { body, idempotencyKey: crypto.randomUUID() })
}

async function sendWhole({ call, id, file, options }: Sent, first: SingleUpload): Promise<void> {
  let upload: SingleUpload | null = first
  const put = putting(options)
  await persistently(options, async () => {
    upload ??= await freshUrl(call, id)
    const { url, headers } = upload
    await put(url, headers, file, () => {
      upload = null
    })
  })
  options.onProgress?.({ sent: file.size, total: file.size })
}

async function freshUrl(call: Call, id: DataId): Promise<SingleUpload> {
  const { upload } = await call('POST /api/data/{id}/upload', { params: { id } })
  if (upload?.kind !== 'single') throw new Refused(new Error('The upload is not open any more.'))
  return upload
}

async function sendParts({ call, id, file, options }: Sent): Promise<void> {
  const { partSize, partCount, uploaded } = await call('GET /api/data/{id}/parts', { params: { id } })
  const there = new Map(uploaded.map(({ partNumber, size }) => [partNumber, size]))
  const partOf = (n: number) => file.slice((n - 1) * partSize, Math.min(n * partSize, file.size))
  const missing = Array.from({ length: partCount }, (_, at) => at + 1).filter(
    (n) => there.get(n) !== partOf(n).size,
  )
  let sent = file.size - missing.reduce((sum, n) => sum + partOf(n).size, 0)
  const report = () => options.onProgress?.({ sent, total: file.size })
  report()

  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal
  const urls = new PartAddresses({
    ...{ call, id, partOf },
    ahead: missing,
    checksums: options.checksums ?? false,
  })
  const worker = async () => {
    for (let n = missing.shift(); n !== undefined; n = missing.shift()) {
      const part = partOf(n)
      await sendPart(urls, n, part, { ...options, signal })
      sent += part.size
      report()
    }
  }
  try {
    await Promise.all(Array.from({ length: options.parallel ?? 4 }, worker))
  } catch (error) {
    stop.abort(error) // the others need not go on
    throw error
  }
}

async function sendPart(
  urls: PartAddresses,
  n: number,
  part: Blob,
  options: UploadFileOptions,
): Promise<void> {
  const put = putting(options)
  await persistently(options, async () => {
    const { url, headers } = await urls.of(n)
    await put(url, headers, part, () => urls.forget(n))
  })
}
