import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { observe } from '../../../infra/fixtures/store/capability.ts'
import { freshKey, type OpenStore, objectStores, openStore, written } from '../../support/object-stores.ts'
import { until } from '../../support/until.ts'
import { bytesOf, put, sha256Of } from '../../support/upload-by-hand.ts'

/** The least that S3 takes for a part that is not the last. */
const partBytes = 5 * 1024 * 1024
const first = Buffer.alloc(partBytes, 'first ')
const last = bytesOf('the end')
const size = partBytes + last.byteLength
const etagOfOthers = `"${'0'.repeat(32)}"`

describe.each(objectStores)('%s: a file in parts', (name, start, can) => {
  let store: OpenStore
  beforeAll(async () => {
    store = await openStore(start)
  })
  afterAll(() => store.close())
  afterEach(() => {
    vi.useRealTimers()
  })

  async function begun(checksums = false) {
    const key = freshKey()
    const { multipart } = store.objects
    const id = await multipart.begin(key, { contentType: 'video/mp4', checksums })
    const presign = (partNumber: number, bytes: Uint8Array) =>
      multipart.presign(key, id, {
        partNumber,
        size: bytes.byteLength,
        ...(checksums ? { sha256: sha256Of(bytes) } : {}),
      })
    const send = async (partNumber: number, bytes: Uint8Array<ArrayBuffer>) =>
      put(await presign(partNumber, bytes), bytes)
    const list = () => multipart.list(key, id)
    return { key, id, presign, send, list }
  }
  async function sent(checksums = false) {
    const upload = await begun(checksums)
    expect([await upload.send(2, last), await upload.send(1, first)]).toEqual([200, 200])
    const parts = (await upload.list()) ?? []
    return {
      ...upload,
      parts,
      complete: () => store.objects.multipart.complete(upload.key, upload.id, parts),
    }
  }

  test.each([
    ['without checksums', false],
    ['with a checksum for each part', true],
  ])('%s is listed as it arrives, and there when it is completed', async (_, checksums) => {
    observe(name, 'SHA-256 of a whole file in parts', false)
    if (checksums) observe(name, 'SHA-256 of parts listed', can.listsPartChecksums)
    const upload = await begun(checksums)
    expect(await upload.list()).toEqual([])
    expect(await upload.send(2, last)).toBe(200)
    expect(await upload.list()).toMatchObject([{ partNumber: 2, size: last.byteLength }])
    expect(await upload.send(1, first)).toBe(200)
    const parts = (await upload.list()) ?? []
    expect(parts).toMatchObject([
      { partNumber: 1, size: partBytes },
      { partNumber: 2, size: last.byteLength },
    ])
    const base64 = [first, last].map((bytes) => Buffer.from(sha256Of(bytes), 'hex').toString('base64'))
    const listed = checksums && can.listsPartChecksums
    expect(parts.map(({ sha256 }) => sha256)).toEqual(listed ? base64 : [null, null])
    expect(await store.see(upload.key)).toBeNull()

    expect(await store.objects.multipart.complete(upload.key, upload.id, parts)).toBe(true)
    // S3 keeps no checksum of the whole.
    expect(await store.objects.head(upload.key)).toEqual({ size, contentType: 'video/mp4', sha256: null })
    const seen = await store.see(upload.key)
    expect(seen).toMatchObject({ size, type: 'video/mp4', more: {} })
    expect(sha256Of(bytesOf(seen?.text ?? ''))).toBe(sha256Of(Buffer.concat([first, last])))
    expect(await upload.list()).toBeNull()
    expect((await upload.presign(2, last)).expiresAt.getTime()).toBeGreaterThan(Date.now() + 59 * 60_000)
  })

  test('takes parts of exactly the promised size', async () => {
    const { send, presign, list } = await begun()
    const part = await presign(1, last)
    expect(part.headers).toEqual({})
    expect(await put(part, bytesOf('the en'))).toBe(403)
    expect(await put(part, bytesOf('the end!'))).toBe(403)
    expect(await list()).toEqual([])
    expect(await send(1, last)).toBe(200)
  })

  test('takes parts of exactly the promised bytes', async () => {
    observe(name, 'SHA-256 of parts verified', true)
    const { presign, list } = await begun(true)
    const part = await presign(1, last)
    const other = bytesOf('THE END')
    const checksum = Buffer.from(sha256Of(other), 'hex').toString('base64')
    expect(await put(part, other)).toBe(400)
    expect(await put(part, other, { 'x-amz-checksum-sha256': checksum })).toBe(403)
    expect(await list()).toEqual([])
    expect(await put(part, last)).toBe(200)
    expect(await store.objects.multipart.verifiesParts()).toBe(true)
  })

  test('takes a part again: the last bytes count', async () => {
    observe(name, 'part sent again replaces the first', can.replacesParts)
    const { send, list, key, id } = await begun()
    expect(await send(1, bytesOf('once'))).toBe(200)
    const second = () => Math.floor(Date.now() / 1000)
    const before = second()
    // A store that keeps both has times in whole seconds.
    if (!can.replacesParts) await until('the next second', 2, () => second() > before)
    expect(await send(1, bytesOf('twice'))).toBe(200)
    // By the other client, which adds up all parts that the store lists.
    const [open] = await store.as('manage').listIncompleteUploads(store.bucket, key, true).toArray()
    expect(open).toMatchObject({ key, size: can.replacesParts ? 5 : 9 })
    const parts = (await list()) ?? []
    expect(parts).toMatchObject([{ partNumber: 1, size: 5 }])
    expect(await store.objects.multipart.complete(key, id, parts)).toBe(true)
    expect(await store.see(key)).toMatchObject({ text: 'twice' })
  })

  test('takes no part by another’s URL, by an expired one, or as a copy', async () => {
    const { presign, list } = await begun()
    const part = await presign(1, last)
    expect(await put({ ...part, url: part.url.replace('partNumber=1', 'partNumber=2') }, last)).toBe(403)
    const source = await written(store, 'a secret')
    const copy = { 'x-amz-copy-source': `/${store.bucket}/${source}` }
    expect([400, 403]).toContain(await put(part, last, copy))
    expect([400, 403]).toContain(await put(await presign(2, bytesOf('')), bytesOf(''), copy))
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 61 * 60_000 })
    const late = await presign(1, last)
    vi.useRealTimers()
    expect(await put(late, last)).toBe(403)
    expect(await list()).toEqual([])
  })

  test('is completed by many at once, and again', async () => {
    const { key, complete } = await sent()
    const all = await Promise.all([complete(), complete(), complete()])
    expect(all).toContain(true)
    // MinIO has forgotten the upload; versitygw, as S3 does, still knows that it went well.
    expect(await complete()).toBe(can.remembersCompletion)
    expect(await store.objects.head(key)).toMatchObject({ size })
  })

  test('that lacks a part, or has another than was listed, is not completed', async () => {
    const { key, id, parts, list } = await sent()
    const others = parts.map((part) => ({ ...part, etag: etagOfOthers }))
    const more = [...parts.slice(0, 1), { partNumber: 3, size: 1, etag: etagOfOthers, sha256: null }]
    for (const wrong of [others, more])
      await expect(store.objects.multipart.complete(key, id, wrong)).rejects.toMatchObject({
        name: 'InvalidPart',
      })
    expect(await store.see(key)).toBeNull()
    expect(await list()).toEqual(parts)
  })

  test('that is given up leaves nothing and takes nothing more', async () => {
    const { key, id, presign, list, complete } = await sent()
    await store.objects.multipart.abort(key, id)
    expect(await list()).toBeNull()
    expect(await put(await presign(2, last), last)).toBe(404)
    expect(await complete()).toBe(false)
    expect(await store.see(key)).toBeNull()
    await store.objects.multipart.abort(key, id)
  })

  test('that was never begun is unknown: neither listed, nor completed, nor is giving it up a failure', async () => {
    const { key, id, parts } = await sent()
    const { multipart } = store.objects
    for (const [where, which] of [
      [key, 'never-begun'],
      [freshKey(), id],
    ] as const) {
      expect(await multipart.list(where, which)).toBeNull()
      expect(await multipart.complete(where, which, parts)).toBe(false)
      await multipart.abort(where, which)
    }
    expect(await multipart.list(key, id)).toEqual(parts)
  })

  test('is found among the unfinished ones of the bucket until it is completed or given up', async () => {
    observe(name, 'open uploads listed in order', can.ordersUploads)
    const base = freshKey().replace(/1$/, '')
    const { multipart } = store.objects
    const since = Date.now() - 2_000 // versitygw keeps whole seconds
    const begin = (n: number) => multipart.begin(base + n, { contentType: 'video/mp4', checksums: false })
    const ids = [await begin(3), await begin(1), await begin(2), await begin(1)]
    const open = async () => {
      const { uploads } = await multipart.open(can.startsUploadsAtKey ? base : '', 1000)
      return uploads.filter(({ key }) => key.startsWith(base))
    }
    const found = await open()
    expect(found.map(({ key }) => key).sort()).toEqual([1, 1, 2, 3].map((n) => base + n))
    expect(new Set(found.map(({ uploadId }) => uploadId))).toEqual(new Set(ids))
    for (const { beganAt } of found) expect(beganAt.getTime()).toBeGreaterThan(since)

    const page = await multipart.open(can.startsUploadsAtKey ? base : '', 3)
    if (!can.ordersUploads) {
      expect(page.more).toBe(false)
      expect(page.uploads.filter(({ key }) => key.startsWith(base))).toHaveLength(4)
    } else {
      expect(page.uploads.map(({ key }) => key)).toEqual([1, 1, 2].map((n) => base + n))
      expect(page.more).toBe(true)
      const rest = await multipart.open(`${base}2`, 3)
      expect(rest.uploads[0]).toMatchObject({ key: `${base}3`, uploadId: ids[0] })
    }
    for (const { key, uploadId } of found) await multipart.abort(key, uploadId)
    expect(await open()).toEqual([])
  })

  test('of more than a thousand parts, one page of the store’s answers, is listed whole', async () => {
    const { key, id, list } = await begun()
    const manage = store.as('manage')
    const numbers = Array.from({ length: 1001 }, (_, at) => at + 1)
    const waiting = [...numbers]
    const worker = async () => {
      for (let partNumber = waiting.pop(); partNumber; partNumber = waiting.pop())
        await manage.uploadPart(
          { bucketName: store.bucket, objectName: key, uploadID: id, partNumber, headers: {} },
          'x',
        )
    }
    await Promise.all(Array.from({ length: 8 }, worker))
    const parts = (await list()) ?? []
    expect(parts.map(({ partNumber }) => partNumber)).toEqual(numbers)
  })
})
