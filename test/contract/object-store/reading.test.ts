import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { observe } from '../../../infra/fixtures/store/capability.ts'
import { freshKey, type OpenStore, objectStores, openStore, written } from '../../support/object-stores.ts'
import { bytesOf, put, sha256Of } from '../../support/upload-by-hand.ts'

describe.each(objectStores)('%s', (name, start, can) => {
  let store: OpenStore
  beforeAll(async () => {
    store = await openStore(start)
  })
  afterAll(() => store.close())
  afterEach(() => {
    vi.useRealTimers()
  })

  async function served(key: string, answer: Parameters<OpenStore['objects']['presignGet']>[1] = {}) {
    const { url } = await store.objects.presignGet(key, answer)
    return (init?: RequestInit) => fetch(url, init)
  }
  const range = (key: string, from: number, to: number) =>
    store.objects.readRange(key, from, to, AbortSignal.timeout(5_000))

  describe('a presigned GET', () => {
    test('serves the bytes, whole or in part', async () => {
      const get = await served(await written(store, '0123456789'))
      const whole = await get()
      expect(whole.status).toBe(200)
      expect(whole.headers.get('content-length')).toBe('10')
      expect(whole.headers.get('content-type')).toBe('text/plain')
      expect(await whole.text()).toBe('0123456789')
      for (const [asked, contentRange, text] of [
        ['bytes=2-4', 'bytes 2-4/10', '234'],
        ['bytes=7-', 'bytes 7-9/10', '789'],
        ['bytes=-2', 'bytes 8-9/10', '89'],
        ['bytes=8-99', 'bytes 8-9/10', '89'],
      ] as const) {
        const part = await get({ headers: { range: asked } })
        expect(part.status, asked).toBe(206)
        expect(part.headers.get('content-range')).toBe(contentRange)
        expect(await part.text()).toBe(text)
      }
      expect((await get({ headers: { range: 'bytes=10-' } })).status).toBe(416)
    })

    test('serves under the type and the name that were signed, in any script', async () => {
      observe(name, 'presigned response headers', true)
      const encoded = encodeURIComponent('фото 日本.png')
      const disposition = `attachment; filename="____ __.png"; filename*=UTF-8''${encoded}`
      const get = await served(await written(store), { contentType: 'image/png', disposition })
      for (const init of [{}, { headers: { range: 'bytes=0-1' } }]) {
        const answer = await get(init)
        expect(answer.headers.get('content-type')).toBe('image/png')
        expect(answer.headers.get('content-disposition')).toBe(disposition)
        await answer.body?.cancel()
      }
    })

    test('serves under no other type or name than the signed ones', async () => {
      const key = await written(store)
      const { url } = await store.objects.presignGet(key, { contentType: 'image/png' })
      const changed = new URL(url)
      changed.searchParams.set('response-content-type', 'text/html')
      expect((await fetch(changed)).status).toBe(403)
      expect((await fetch(`${url}&response-content-disposition=inline`)).status).toBe(403)
      expect((await fetch(url.replace(key, await written(store)))).status).toBe(403)
    })

    test('serves the bytes as they lie there, whatever the uploader called them', async () => {
      const key = freshKey()
      const upload = await store.objects.presignPut(key, { size: 5, contentType: 'text/plain' })
      expect(await put(upload, bytesOf('hello'), { 'content-encoding': 'gzip' })).toBe(200)
      expect((await store.see(key))?.more).toEqual({ 'content-encoding': 'gzip' })
      const answer = await (await served(key))()
      expect(answer.headers.get('content-encoding')).toBe('identity')
      expect(await answer.text()).toBe('hello')
    })

    test('of nothing is 404', async () => {
      expect((await (await served(freshKey()))()).status).toBe(404)
    })

    test('works until it expires', async () => {
      const key = await written(store)
      for (const [minutes, expected] of [
        [59, 200],
        [61, 403],
      ] as const) {
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - minutes * 60_000 })
        const get = await served(key)
        vi.useRealTimers()
        expect((await get()).status).toBe(expected)
      }
    })

    test('is for GET alone', async () => {
      const key = await written(store)
      const get = await served(key)
      expect((await get({ method: 'HEAD' })).status).toBe(403)
      expect((await get({ method: 'PUT', body: 'x' })).status).toBe(403)
      expect((await get({ method: 'DELETE' })).status).toBe(403)
      expect(await store.see(key)).toMatchObject({ text: 'hello' })
    })
  })

  describe('what the API reads itself', () => {
    test('is text, empty or in any script', async () => {
      for (const text of ['', 'grüß 日本\n']) {
        const key = await written(store, text)
        expect(await store.objects.read(key)).toBe(text)
        const size = Buffer.byteLength(text)
        expect(await store.objects.head(key)).toEqual({ size, contentType: 'text/plain', sha256: null })
        expect(await store.see(key)).toEqual({ size, type: 'text/plain', text, more: {} })
      }
    })

    test('is nothing where nothing is', async () => {
      expect(await store.objects.head(freshKey())).toBeNull()
      expect(await store.objects.read(freshKey())).toBeNull()
    })

    test('is a range of bytes, cut where the object ends', async () => {
      const key = await written(store, '0123456789')
      expect(await range(key, 0, 10)).toEqual(bytesOf('0123456789'))
      expect(await range(key, 3, 5)).toEqual(bytesOf('34'))
      expect(await range(key, 8, 4096)).toEqual(bytesOf('89'))
      await expect(range(key, 10, 12)).rejects.toMatchObject({ name: 'InvalidRange' })
      await expect(range(freshKey(), 0, 1)).rejects.toMatchObject({ name: 'NoSuchKey' })
    })
  })

  describe('a copy', () => {
    test('has another type, the same bytes, and the checksum by which they were verified', async () => {
      const key = freshKey()
      const sha256 = sha256Of(bytesOf('hello'))
      const upload = await store.objects.presignPut(key, { size: 5, contentType: 'text/plain', sha256 })
      expect(await put(upload, bytesOf('hello'))).toBe(200)
      const to = freshKey()
      await store.objects.copy(key, to, 'text/markdown')
      expect(await store.objects.head(to)).toEqual({ size: 5, contentType: 'text/markdown', sha256 })
      expect(await store.see(to)).toEqual({ size: 5, type: 'text/markdown', text: 'hello', more: {} })
      expect(await store.objects.head(key)).toEqual({ size: 5, contentType: 'text/plain', sha256 })
    })

    test('lives on when what it was made of is removed', async () => {
      const key = await written(store)
      const to = freshKey()
      await store.objects.copy(key, to, 'text/plain')
      await store.objects.remove(key)
      expect([await store.see(key), await store.see(to)]).toMatchObject([null, { text: 'hello' }])
    })

    test('of nothing fails and leaves nothing', async () => {
      const to = freshKey()
      await expect(store.objects.copy(freshKey(), to, 'text/plain')).rejects.toMatchObject({
        name: 'NoSuchKey',
      })
      expect(await store.see(to)).toBeNull()
    })
  })

  test('what is removed is gone; removing it again, or what never was, is no failure', async () => {
    const key = await written(store)
    const neighbour = key.replace(/1$/, '2')
    await store.objects.write(neighbour, 'next', 'text/plain')
    await store.objects.remove(key)
    expect([await store.objects.head(key), await store.see(key)]).toEqual([null, null])
    expect(await store.see(neighbour)).toMatchObject({ text: 'next' })
    await store.objects.remove(key)
    await store.objects.remove(freshKey())
    await store.objects.remove('elsewhere/never/was')
  })

  test('what lies under a prefix is listed in the order of the keys’ bytes or folder by folder, page by page', async () => {
    observe(name, 'keys listed in byte order', can.ordersKeysByBytes)
    const prefix = freshKey().replace(/\/1$/, '')
    const before = new Date(Date.now() - 2_000) // versitygw keeps whole seconds
    const byBytes = ['-b/1', '.a/1', '/1', '/10', '/2', '/é'].map((end) => prefix + end)
    const byFolder = [...byBytes.slice(2), ...byBytes.slice(0, 2)]
    const keys = can.ordersKeysByBytes ? byBytes : byFolder
    for (const key of [...byBytes].reverse()) await store.objects.write(key, 'x', 'text/plain')
    const first = await store.objects.list(prefix, '', 4)
    expect(first.objects.map(({ key }) => key)).toEqual(keys.slice(0, 4))
    expect(first.more).toBe(true)
    const rest = await store.objects.list(prefix, keys[3] ?? '', 4)
    expect(rest.objects.map(({ key }) => key)).toEqual(keys.slice(4))
    expect(rest.more).toBe(false)
    for (const { lastModified } of [...first.objects, ...rest.objects])
      expect(lastModified.getTime()).toBeGreaterThan(before.getTime())
    expect(await store.objects.list(freshKey(), '', 4)).toEqual({ objects: [], more: false })
  })

  test('it answers a health check', async () => {
    expect(await store.objects.ping()).toBeUndefined()
  })
})
