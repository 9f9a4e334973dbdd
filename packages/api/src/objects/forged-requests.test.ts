import { afterEach, expect, test } from 'vitest'
import { findForged } from './forged-requests.ts'
import { type Habit, serveLaxStore } from './lax-store.fixture.ts'

const item = 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV'
let served: Awaited<ReturnType<typeof serveLaxStore>>
afterEach(() => served.close())

async function found(habit: Habit | null) {
  served = await serveLaxStore(habit)
  const [findings, ...others] = await findForged(served.config, item)
  expect(others).toEqual([])
  expect(findings).toMatchObject({ endpoint: served.config.endpoint, unchecked: null })
  return findings?.accepted ?? []
}

test.each<Habit | null>([null, 'cuts connections', 'keeps unsigned tags', 'ignores unsigned headers'])(
  'a store is safe that rejects all: %s',
  async (habit) => {
    expect(await found(habit)).toEqual([])
  },
)

test.each<[Habit, request: RegExp, evidence: RegExp]>([
  ['accepts unsigned trailers', /key id of the upload user/, /answered 200; the object was changed/],
  ['accepts unsigned trailers', /nothing but a key id/, /the object was changed/],
  ['accepts unsigned trailers', /holds a checksum/, /the object was changed/],
  ['unpacks unsigned archives', /archive to unpack/, /answered 200/],
  ['accepts unsigned parts', /as part of an upload/, /the part was stored/],
  ['accepts made-up signatures', /PUT with a made-up signature$/, /the object was changed/],
  ['accepts made-up signatures', /made-up Authorization header/, /the object was changed/],
  ['accepts made-up signatures', /GET with a made-up signature/, /answered 200/],
  ['reads for everyone', /GET without a signature/, /answered 200/],
  ['lists for everyone', /list without a signature/, /answered 200/],
  ['removes for everyone', /DELETE without a signature/, /answered 204; the object was changed/],
  ['writes what it rejects', /PUT with no signature/, /answered 403; the object was changed/],
  ['copies unsigned sources', /source of a copy$/, /the object holds the bytes of another one/],
  ['copies unsigned sources', /source of a copy and no body/, /the bytes of another one/],
  ['obeys unsigned permissions', /permission for everyone/, /everyone can read the object/],
  ['obeys unsigned redirects', /a redirect/, /answered with 301/],
  ['takes tags for types', /tags and metadata/, /another type or size/],
  ['keeps bodies that end early', /body ends early/, /^524288 bytes were kept$/],
  ['obeys replication headers', /replicated, encrypted object/, /answered 200; the object cannot be read/],
])('a store that %s is found out by: %s', async (habit, request, evidence) => {
  const accepted = await found(habit)
  const one = accepted.find((each) => request.test(each.request))
  expect(one?.evidence, JSON.stringify(accepted)).toMatch(evidence)
})

test.each<Habit | null>([
  null,
  'accepts unsigned trailers',
  'copies unsigned sources',
  'accepts unsigned parts',
])('nothing is left of the check: %s', async (habit) => {
  await found(habit)
  expect([...served.store.objects.keys()]).toEqual([])
  expect(served.store.parts.size).toBe(0)
})

test('removes objects of an earlier check, not those of a concurrent one', async () => {
  served = await serveLaxStore(null)
  const left = (at: Date) => ({ bytes: Buffer.from('hello'), type: 'text/plain', at, mark: null })
  served.store.objects.set('millrace-check/old', left(new Date(Date.now() - 2 * 3600_000)))
  served.store.objects.set('millrace-check/new', left(new Date()))
  await findForged(served.config, item)
  expect([...served.store.objects.keys()]).toEqual(['millrace-check/new'])
})

test('a store that rejects a genuine upload proves nothing', async () => {
  served = await serveLaxStore('rejects uploads')
  await expect(findForged(served.config, item)).rejects.toThrow('a presigned upload was answered with 403')
  expect([...served.store.objects.keys()]).toEqual([])
})

test('an unreachable store proves nothing', async () => {
  served = await serveLaxStore(null)
  served.close()
  await expect(findForged(served.config, item)).rejects.toThrow('ECONNREFUSED')
})

test('both endpoints are checked; an unreachable or wrong one is named', async () => {
  served = await serveLaxStore('accepts unsigned trailers')
  const other = await serveLaxStore(null)
  const publicly = (publicEndpoint: string) => findForged({ ...served.config, publicEndpoint }, item)
  const named = served.config.endpoint.replace('127.0.0.1', 'localhost')
  const unsafe = { accepted: expect.arrayContaining([expect.anything()]), unchecked: null }
  expect(await publicly(named)).toMatchObject([unsafe, { endpoint: named, ...unsafe }])
  expect(await publicly(other.config.endpoint)).toMatchObject([
    unsafe,
    { accepted: [], unchecked: 'a presigned upload did not reach the bucket' },
  ])
  other.close()
  expect(await publicly(other.config.endpoint)).toMatchObject([
    unsafe,
    { accepted: [], unchecked: expect.stringContaining('ECONNREFUSED') },
  ])
})
