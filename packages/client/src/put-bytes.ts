import { Refused } from './persistently.ts'

type Putting = { fetch?: typeof fetch; signal?: AbortSignal }

/** Noes of the store, each to a fresh URL, before the upload counts as refused. */
const refusalsAllowed = 3
/** Broken connections in a row before a fresh URL is tried: some stores hang up where others say no. */
const breaksAllowed = 2

/** Sends the same bytes until they are taken; `onRefused` is to see to a fresh URL, since most often the old one expired. */
export function putting({ fetch: doFetch = fetch, signal }: Putting) {
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
export async function refuseIfChanged(file: Blob): Promise<void> {
  await bytesOf(file.slice(0, 1))
}

const bytesOf = (file: Blob): Promise<ArrayBuffer> =>
  file.arrayBuffer().catch((cause: unknown) => {
    const what = 'The file has changed, or is gone, since it was chosen; it was not uploaded.'
    throw new Refused(new Error(`${what} Choose it again.`, { cause }))
  })

export async function sha256Of(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await bytesOf(blob))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
