import { fromData } from '@millrace/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, scriptedAgent } from '../support/scripted-agent.ts'
import { announce, bytesOf } from '../support/upload-by-hand.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

const content = (id: string, more = '', method = 'GET') =>
  api.request(`/api/data/${id}/content${more}`, { method, redirect: 'manual' })
/** The first bytes say what it is, and more is not looked at. */
const gif = 'GIF89a'
const upload = (name: string, contentType: string, text = 'hello') =>
  api.client.upload({ name, contentType, bytes: bytesOf(text) })
/** The answer of the store after the redirect. */
async function served(id: string, more = '', headers: Record<string, string> = {}) {
  const redirect = await content(id, more)
  expect(redirect.status).toBe(302)
  return fetch(redirect.headers.get('location') ?? '', { headers })
}

describe('the content of a value', () => {
  test('is the value as JSON, or as plain text for a text', async () => {
    const number = await api.client.createValue({ label: 'n', value: { a: [1, 'ü'] } })
    const json = await content(number.id)
    expect(json.status).toBe(200)
    expect(json.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await json.json()).toEqual({ a: [1, 'ü'] })
    const text = await api.client.createValue({ label: 't', value: '<b>ü</b>' })
    const plain = await content(text.id)
    expect(plain.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(plain.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await plain.text()).toBe('<b>ü</b>')
  })

  test('has its type and its length in bytes in the answer to HEAD', async () => {
    const { id } = await api.client.createValue({ label: 't', value: 'üü' })
    const head = await content(id, '', 'HEAD')
    expect(head.status).toBe(200)
    expect(head.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(head.headers.get('content-length')).toBe('4')
    expect(await head.text()).toBe('')
  })

  test('has no URL: inline_value', async () => {
    const { id } = await api.client.createValue({ label: 't', value: 1 })
    expect(await refusalOf(await content(id, '?redirect=0'))).toEqual({ status: 409, code: 'inline_value' })
  })
})

test('the URL of an agent saves a page and does not show it', async () => {
  const inputs = [{ key: 'page', type: 'file' }]
  const module = availableModule({ name: 'reads-pages', inputs })
  const agent = await scriptedAgent(api)
  await agent.has([module])
  const page = await upload('p.html', 'text/html', '<script>alert(1)</script>')
  await api.client.createTask({ module: module.name, inputs: { page: fromData(page.id) } })
  const granted = (await agent.claim([module]))?.inputs.page
  if (!granted || !('file' in granted)) throw new Error('no file')
  expect(granted.file.contentType).toBe('text/html')
  const answer = await fetch(granted.file.url)
  expect(answer.headers.get('content-type')).toBe('application/octet-stream')
  expect(answer.headers.get('content-disposition')).toBe('attachment')
  expect(await answer.text()).toBe('<script>alert(1)</script>')
})

describe('the content of a file', () => {
  test('is a redirect that honours ranges', async () => {
    const { id } = await upload('a.txt', 'text/plain', '0123456789')
    const whole = await served(id)
    expect(whole.status).toBe(200)
    expect(await whole.text()).toBe('0123456789')
    const part = await served(id, '', { range: 'bytes=2-4' })
    expect(part.status).toBe(206)
    expect(part.headers.get('content-range')).toBe('bytes 2-4/10')
    expect(await part.text()).toBe('234')
  })

  test('is a URL with ?redirect=0, that works without a key', async () => {
    const { id } = await upload('a.txt', 'text/plain')
    const response = await content(id, '?redirect=0')
    expect(response.status).toBe(200)
    const { url, expiresAt } = await response.json()
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now())
    expect(await (await fetch(url)).text()).toBe('hello')
    expect((await fetch(url, { method: 'PUT', body: 'x' })).status).toBe(403)
  })

  test('has its type and length in the answer to HEAD, without a redirect', async () => {
    const { id } = await upload('a.gif', 'image/gif', gif)
    for (const more of ['', '?redirect=0']) {
      const head = await content(id, more, 'HEAD')
      expect(head.status).toBe(200)
      expect(head.headers.get('content-type')).toBe('image/gif')
      expect(head.headers.get('content-length')).toBe('6')
      expect(head.headers.get('location')).toBeNull()
    }
  })

  test('is an attachment unless it is asked for inline', async () => {
    const { id } = await upload('a.gif', 'image/gif', gif)
    expect((await served(id)).headers.get('content-disposition')).toMatch(/^attachment; filename="a.gif"/)
    const inline = await served(id, '?disposition=inline')
    expect(inline.headers.get('content-disposition')).toMatch(/^inline; filename="a.gif"/)
    expect(inline.headers.get('content-type')).toBe('image/gif')
  })

  test('that a browser would run is only ever an attachment of unknown type', async () => {
    for (const [name, type] of [
      ['a.html', 'text/html'],
      ['a.svg', 'image/svg+xml'],
      ['a.xml', 'application/xml'],
      ['a.xhtml', 'application/xhtml+xml'],
      ['a.js', 'text/javascript'],
      ['a.bin', 'application/octet-stream'],
    ] as const) {
      const { id } = await upload(name, type, '<script>alert(1)</script>')
      const response = await served(id, '?disposition=inline')
      expect(response.headers.get('content-type'), type).toBe('application/octet-stream')
      expect(response.headers.get('content-disposition'), type).toMatch(/^attachment; /)
    }
  })

  test('keeps its name in any script, and a name cannot break the header', async () => {
    const names = ['фото 日本.png', 'a"b\\c/d;e\r\nSet-Cookie: x=1.png', '%41 ü.png', '‮gnp.exe', '   ']
    for (const name of names) {
      const { id } = await upload(name, 'image/gif', gif)
      const response = await served(id)
      expect(response.status, name).toBe(200)
      expect(response.headers.get('set-cookie')).toBeNull()
      const disposition = response.headers.get('content-disposition') ?? ''
      expect(disposition).toMatch(/^attachment; filename="[^"\\]*"; filename\*=UTF-8''[\w.%~-]+$/)
    }
    const { id } = await upload('фото.png', 'image/gif', gif)
    const disposition = (await served(id)).headers.get('content-disposition') ?? ''
    expect(decodeURIComponent(disposition.split("UTF-8''")[1] ?? '')).toBe('фото.png')
  })
})

describe('409 data_not_available', () => {
  test('while the item is still uploading', async () => {
    const { data } = await announce(api, {})
    for (const more of ['', '?redirect=0'])
      expect(await refusalOf(await content(data.id, more))).toEqual({
        status: 409,
        code: 'data_not_available',
      })
    expect((await content(data.id, '', 'HEAD')).status).toBe(409)
  })
})
