import { GrantCreated, UploadAnswer } from '@millrace/shared'
import { expect } from 'vitest'
import type { TestApi } from './api-in-process.ts'
import { bytesOf, put } from './upload-by-hand.ts'

export const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()
export const aGrant = { maxUploads: 3, maxUploadBytes: 1000, maxTasks: 2, modules: ['echo'] }

/** A grant as a web server makes it, with `more` in place of what is said above. */
export async function makeGrant(api: TestApi, more: object = {}, key?: string) {
  const response = await api.post('/api/grants', { ...aGrant, expiresAt: inAnHour(), ...more }, { key })
  const { grant, token } = GrantCreated.parse(await response.json())
  if (token === null) throw new Error('the token was not shown')
  return { grant, token, page: page(api, token) }
}

/** What a page can do: everything with the token alone. */
function page(api: TestApi, token: string) {
  const as = { key: token }
  const get = (path: string) => api.request(path, as)
  const post = (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
    api.post(path, body, { ...as, headers })
  return {
    get,
    post,
    async upload(content: string, more: object = {}) {
      const bytes = bytesOf(content)
      const file = { name: 'p.txt', size: bytes.byteLength, contentType: 'text/plain', ...more }
      const created = await post('/api/data', { label: 'of a page', file })
      expect(created.status).toBe(201)
      const { data, upload } = UploadAnswer.parse(await created.json())
      if (upload?.kind === 'single') expect(await put(upload, bytes)).toBe(200)
      expect((await post(`/api/data/${data.id}/complete`)).status).toBe(200)
      return { id: data.id, upload }
    },
  }
}
