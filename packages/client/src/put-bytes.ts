import type { SingleUpload } from '@millrace/shared'

const tries = 3

/**
 * Sends bytes to the object store. The URL takes them once: 412 on a repetition says that an earlier try did
 * arrive, although its answer was lost.
 */
export async function putBytes(
  doFetch: typeof fetch,
  upload: SingleUpload,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await put(doFetch, upload, bytes)
    if (outcome === 'arrived') return
    if (!outcome.passing || attempt === tries) throw outcome.error
  }
}

type Outcome = 'arrived' | { error: Error; passing: boolean }

async function put(
  doFetch: typeof fetch,
  { url, method, headers }: SingleUpload,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Outcome> {
  try {
    const response = await doFetch(url, { method, headers, body: bytes })
    if (response.ok || response.status === 412) return 'arrived'
    const detail = (await response.text()).match(/<Message>([^<]*)/)?.[1] ?? ''
    return {
      error: new Error(`The object store refused the upload: ${response.status} ${detail}`),
      passing: response.status >= 500,
    }
  } catch (error) {
    return { error: new Error('The upload was cut off.', { cause: error }), passing: true }
  }
}
