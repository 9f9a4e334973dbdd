import { DataPage, type Json } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { announce } from '../support/upload-by-hand.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

const page = async (query: string) => DataPage.parse(await (await api.request(`/api/data?${query}`)).json())
const make = (label: string, tags: string[] = [], value: Json = label) =>
  api.client.createValue({ label, value, tags })
const labels = async (query: string) => (await page(query)).items.map((item) => item.label)

async function everyPage(query: string, between: () => Promise<unknown> = async () => {}): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const got: Awaited<ReturnType<typeof page>> = await page(`${query}${cursor && `&cursor=${cursor}`}`)
    ids.push(...got.items.map((item) => item.id))
    cursor = got.nextCursor
    await between()
  }
  return ids
}

describe('a list of data', () => {
  test('is newest first, and pages neither repeat nor miss an item while others are added', async () => {
    const made: string[] = []
    for (let at = 0; at < 23; at += 1) made.push((await make(`paged ${at}`, ['paged'])).id)
    for (const limit of [1, 5, 23, 24]) {
      const seen = await everyPage(`tag=paged&limit=${limit}`, () => make('later', ['later']))
      expect(seen).toEqual(made.toReversed())
    }
    const added = await everyPage('tag=paged&limit=5', () => make('paged later', ['paged']))
    expect(added).toEqual(made.toReversed())
  })

  test('ends exactly at the last item', async () => {
    for (let at = 0; at < 4; at += 1) await make('exact', ['exact'])
    const first = await page('tag=exact&limit=2')
    const second = await page(`tag=exact&limit=2&cursor=${first.nextCursor}`)
    expect([first.items.length, second.items.length, second.nextCursor]).toEqual([2, 2, null])
    expect(await page('tag=nothing')).toEqual({ items: [], nextCursor: null })
  })

  test('has 50 items by default', async () => {
    await Promise.all(Array.from({ length: 51 }, () => make('many', ['many'])))
    expect((await page('tag=many')).items).toHaveLength(50)
    expect((await page('tag=many&limit=200')).items).toHaveLength(51)
  })

  test('filters by the beginning of the label, in which every character stands for itself', async () => {
    for (const label of ['a.b', 'a+b', 'axb', 'a[1]', '^a', 'a|c', '$x', 'a\\d', 'x a.b', 'ünï', '(a'])
      await make(label)
    expect(await labels('label=a.b')).toEqual(['a.b'])
    expect(await labels('label=a%2B')).toEqual(['a+b'])
    expect(await labels('label=a[')).toEqual(['a[1]'])
    expect(await labels('label=^a')).toEqual(['^a'])
    expect(await labels('label=a|')).toEqual(['a|c'])
    expect(await labels('label=%24')).toEqual(['$x'])
    expect(await labels('label=a%5C')).toEqual(['a\\d'])
    expect(await labels('label=%C3%BCn')).toEqual(['ünï'])
    expect(await labels('label=(')).toEqual(['(a'])
    expect(await labels('label=.*')).toEqual([])
  })

  test('filters by status, type and tag together', async () => {
    await make('typed', ['both', 'one'], 5)
    await make('typed', ['both'], true)
    await announce(api, {}, { tags: ['both'] })
    expect((await page('tag=both')).items).toHaveLength(3)
    expect((await page('tag=both&type=number')).items).toMatchObject([{ value: 5 }])
    expect((await page('tag=both&status=uploading')).items).toMatchObject([{ isFile: true }])
    expect((await page('tag=one&type=boolean')).items).toEqual([])
  })

  test('leaves out values above 4 KiB and says so', async () => {
    const fits = 'x'.repeat(4094)
    await make('long', ['long'], `${fits}x`)
    await make('short', ['long'], fits)
    const [short, long] = (await page('tag=long')).items
    expect(short).toMatchObject({ label: 'short', value: fits })
    expect(short).not.toHaveProperty('truncated')
    expect(long).toMatchObject({ label: 'long', truncated: true })
    expect(long).not.toHaveProperty('value')
    expect((await api.client.data(long?.id ?? 'dat_')).value).toBe(`${fits}x`)
  })
})
