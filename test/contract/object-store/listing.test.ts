import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OpenStore, objectStores, openStore } from '../../support/object-stores.ts'

describe.each(objectStores)('%s', (_, start, can) => {
  const folder = `incoming/${randomUUID()}/`
  let store: OpenStore
  beforeAll(async () => {
    store = await openStore(start)
  })
  afterAll(() => store?.close())

  test('lists objects in the order of their keys, some at a time, with the time they came', async () => {
    const keys = ['1', '10', '2', 'a/0', 'b'].map((name) => `${folder}${name}`)
    const before = Date.now()
    for (const key of [...keys].reverse()) await store.objects.write(key, 'x', 'text/plain')
    const first = await store.objects.list(folder, '', 3)
    expect(first.objects.map(({ key }) => key)).toEqual(keys.slice(0, 3))
    expect(first.more).toBe(true)
    const rest = await store.objects.list(folder, keys[2] ?? '', 3)
    expect(rest.objects.map(({ key }) => key)).toEqual(keys.slice(3))
    expect(rest.more).toBe(false)
    for (const { lastModified } of [...first.objects, ...rest.objects])
      expect(Math.abs(lastModified.getTime() - before)).toBeLessThan(60_000)
    expect(await store.objects.list(folder, folder, 10)).toMatchObject({
      more: false,
      objects: { length: 5 },
    })
    expect(await store.objects.list(`${folder}none/`, '', 10)).toEqual({ objects: [], more: false })
  })

  test('lists uploads in parts that are open, and those only', async () => {
    const { multipart } = store.objects
    const begin = (key: string) => multipart.begin(key, { contentType: 'text/plain', checksums: false })
    const [kept, ended] = [`${folder}kept`, `${folder}ended`]
    const before = Date.now()
    const uploadIds = [await begin(kept), await begin(kept)]
    await multipart.abort(ended, await begin(ended))
    const { uploads } = await multipart.open(can.startsUploadsAtKey ? folder : '', 1_000)
    const ours = uploads.filter(({ key }) => key.startsWith(folder))
    expect(ours.map(({ key }) => key)).toEqual([kept, kept])
    expect(ours.map(({ uploadId }) => uploadId).sort()).toEqual([...uploadIds].sort())
    for (const { beganAt } of ours) expect(Math.abs(beganAt.getTime() - before)).toBeLessThan(60_000)
    const after = await multipart.open(kept, 1_000)
    expect(after.uploads.filter(({ key }) => key <= kept)).toEqual([])
    for (const uploadId of uploadIds) await multipart.abort(kept, uploadId)
  })
})
