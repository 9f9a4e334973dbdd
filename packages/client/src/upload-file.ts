import type { DataId, DataItem, PartUrls, SingleUpload, Upload, UploadedParts } from '@millrace/shared'
import { apiErrorOf } from './api-error.ts'
import { asLabel, asName } from './file-name.ts'
import { persistently, Refused } from './persistently.ts'

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
const urlsAtOnce = 50

/**
 * Uploads a file straight to the object store and resolves with its item once the store has verified it. Needs
 * nothing but `fetch`, so that it runs in pages and in Node alike (there: `await fs.openAsBlob(path)`). What
 * fails on the way is tried again, with growing pauses; what is there already is not sent again.
 */
export async function uploadFile(file: Blob, options: UploadFileOptions): Promise<DataItem> {
  return upload(file, options).catch((error: unknown) => {
    throw error instanceof Refused ? error.error : error
  })
}

async function upload(file: Blob, options: UploadFileOptions): Promise<DataItem> {
  const api = openApi(options)
  const { data, upload } = options.resume
    ? await api<Created>('POST', `/api/data/${options.resume}/upload`)
    : await create(api, file, options)
  options.onCreated?.(data)
  if (!upload) return data
  if (upload.kind === 'single') await sendWhole(api, data.id, file, upload, options)
  else await sendParts(api, data.id, file, options)
  await refuseIfChanged(file) // parts that went before a change would lie beside others from after it
  return (await api<{ data: DataItem }>('POST', `/api/data/${data.id}/complete`)).data
}

type Created = { data: DataItem; upload: Upload | null }
type Api = <Answer>(
  method: string,
  path: string,
  body?: object,
  headers?: Record<string, string>,
) => Promise<Answer>

async function create(api: Api, file: Blob, options: UploadFileOptions): Promise<Created> {
  const name = asName(options.name ?? ('name' in file && typeof file.name === 'string' ? file.name : ''))
  const contentType = options.contentType ?? (file.type || undefined)
  const whole = options.checksums && file.size <= largestHashedWhole
  const body = {
    label: options.label ?? asLabel(name),
    tags: options.tags,
    file: { name, size: file.size, contentType, sha256: whole ? await sha256Of(file) : undefined },
  }
  // The same key on every try: an answer that got lost must not leave a second item.
  return api('POST', '/api/data', body, { 'idempotency-key': crypto.randomUUID() })
}

async function sendWhole(
  api: Api,
  id: DataId,
  file: Blob,
  first: SingleUpload,
  options: UploadFileOptions,
): Promise<void> {
  let upload: SingleUpload | null = first
  const put = putting(options)
  await persistently(options, async () => {
    upload ??= (await api<{ upload: SingleUpload }>('POST', `/api/data/${id}/upload`)).upload
    const { url, headers } = upload
    await put(url, headers, file, () => {
      upload = null
    })
  })
  options.onProgress?.({ sent: file.size, total: file.size })
}

async function sendParts(api: Api, id: DataId, file: Blob, options: UploadFileOptions): Promise<void> {
  const { partSize, partCount, uploaded } = await api<UploadedParts>('GET', `/api/data/${id}/parts`)
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
  const urls = new PartAddresses(api, id, partOf, missing, options.checksums ?? false)
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

type Address = PartUrls['parts'][number]

/** Where parts go: asked for in groups shortly before they are needed, since URLs do not live long. */
class PartAddresses {
  readonly #known = new Map<number, Promise<Address>>()
  readonly #api: Api
  readonly #id: DataId
  readonly #partOf: (n: number) => Blob
  readonly #ahead: readonly number[]
  readonly #checksums: boolean

  constructor(
    api: Api,
    id: DataId,
    partOf: (n: number) => Blob,
    ahead: readonly number[],
    checksums: boolean,
  ) {
    this.#api = api
    this.#id = id
    this.#partOf = partOf
    this.#ahead = ahead
    this.#checksums = checksums
  }

  of(n: number): Promise<Address> {
    return this.#known.get(n) ?? this.#ask(n)
  }

  forget(n: number): void {
    this.#known.delete(n)
  }

  #ask(n: number): Promise<Address> {
    // Hashing reads each part: with checksums none is read before its turn.
    const others = this.#checksums ? [] : this.#ahead.slice(0, urlsAtOnce - 1)
    const numbers = [n, ...others.filter((other) => other !== n && !this.#known.has(other))]
    const asked = this.#askFor(numbers)
    for (const number of numbers) {
      const one = asked.then((parts) => {
        const found = parts.find(({ partNumber }) => partNumber === number)
        if (!found) throw new Error(`no URL came for part ${number}`)
        return found
      })
      one.catch(() => this.#known.delete(number))
      this.#known.set(number, one)
    }
    return this.of(n)
  }

  async #askFor(numbers: readonly number[]): Promise<Address[]> {
    const parts = await Promise.all(
      numbers.map(async (partNumber) => ({
        partNumber,
        sha256: this.#checksums ? await sha256Of(this.#partOf(partNumber)) : undefined,
      })),
    )
    return (await this.#api<PartUrls>('POST', `/api/data/${this.#id}/parts`, { parts })).parts
  }
}

/** Noes of the store, each to a fresh URL, before the upload counts as refused. */
const refusalsAllowed = 3
/** Broken connections in a row before a fresh URL is tried: some stores hang up where others say no. */
const breaksAllowed = 2

/** Sends the same bytes until they are taken; `onRefused` is to see to a fresh URL, since most often the old one expired. */
function putting({ fetch: doFetch = fetch, signal }: UploadFileOptions) {
  let refusals = 0
  let breaks = 0
  return async (url: string, headers: Record<string, string>, body: Blob, onRefused: () => void) => {
    // A Blob brings its own type along, which the URL was not signed for.
    const bytes = body.type === '' || headers['content-type'] ? body : body.slice(0, body.size, '')
    const { response, answer } = await doFetch(url, { method: 'PUT', headers, body: bytes, signal })
      .then(async (response) => ({ response, answer: await response.text() }))
      .catch(async (error: unknown) => {
        await refuseIfChanged(body)
        if (++breaks % breaksAllowed === 0) onRefused()
        throw error
      })
    breaks = 0
    // The URL takes its bytes once: 412 says that an earlier try arrived, although its answer was lost.
    if (response.ok || response.status === 412) return
    const detail = answer.match(/<Message>([^<]*)/)?.[1] ?? ''
    const error = new Error(`The object store refused the upload: ${response.status} ${detail}`)
    if (response.status < 500) {
      onRefused()
      if (++refusals === refusalsAllowed) throw new Refused(error)
    }
    throw error
  }
}

/** A file that was written to since it was chosen cannot be read any more: no further try would send it. */
async function refuseIfChanged(file: Blob): Promise<void> {
  await bytesOf(file.slice(0, 1))
}

const bytesOf = (file: Blob): Promise<ArrayBuffer> =>
  file.arrayBuffer().catch((cause: unknown) => {
    const what = 'The file has changed, or is gone, since it was chosen; it was not uploaded.'
    throw new Refused(new Error(`${what} Choose it again.`, { cause }))
  })

function openApi(options: UploadFileOptions): Api {
  const { fetch: doFetch = fetch, signal } = options
  const base = options.url.replace(/\/$/, '')
  return (method, path, body, headers = {}) =>
    persistently(options, async () => {
      const response = await doFetch(base + path, {
        method,
        signal,
        headers: {
          authorization: `Bearer ${options.key}`,
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...headers,
        },
        body: body && JSON.stringify(body),
      })
      if (response.ok) return response.json()
      const error = await apiErrorOf(response)
      throw response.status >= 500 || response.status === 429 ? error : new Refused(error)
    })
}

async function sha256Of(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await bytesOf(blob))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
