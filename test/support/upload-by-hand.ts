import { createHash } from 'node:crypto'
import { UploadAnswer } from '@millrace/shared'
import type { TestApi } from './api-in-process.ts'

type File = { name?: string; size?: number; contentType?: string; sha256?: string }

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Announces a file; the upload is left to the test. */
export async function announce(api: TestApi, file: File, more: object = {}) {
  const response = await api.post('/api/data', {
    label: 'a file',
    file: { name: 'a.txt', size: 5, contentType: 'text/plain', ...file },
    ...more,
  })
  const { data, upload } = UploadAnswer.parse(await response.json())
  if (upload?.kind !== 'single') throw new Error('nothing to upload in one go')
  return { data, upload }
}

export type Upload = { url: string; headers: Record<string, string> }

/** The status that the object store gives a PUT. */
export async function put(
  upload: Upload,
  body: Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<number> {
  const response = await fetch(upload.url, {
    method: 'PUT',
    headers: { ...upload.headers, ...headers },
    body,
  })
  await response.body?.cancel()
  return response.status
}
