import { expect, test } from 'vitest'
import type { Findings } from './forged-requests.ts'
import { isOnLoopback, judgeStore } from './store-verdict.ts'

const here = 'http://127.0.0.1:9000'
const elsewhere = 'https://files.example'
const good = (endpoint: string): Findings => ({ endpoint, accepted: [], unchecked: null })
const bad = (endpoint: string): Findings => ({
  endpoint,
  accepted: [{ request: 'PUT with no signature', evidence: 'answered 200' }],
  unchecked: null,
})
const unreachable = (endpoint: string): Findings => ({ endpoint, accepted: [], unchecked: 'no route' })

test.each<[string, Findings[], kind: string, kindIfAllowed: string]>([
  ['accepts nothing', [good(here)], 'safe', 'safe'],
  ['accepts nothing, off loopback', [good(elsewhere)], 'safe', 'safe'],
  ['accepts nothing at both endpoints', [good(here), good(elsewhere)], 'safe', 'safe'],
  [
    'accepts nothing here; its public name leads nowhere',
    [good(here), unreachable(elsewhere)],
    'safe',
    'safe',
  ],
  ['is unsafe on loopback', [bad(here)], 'warn', 'warn'],
  ['is unsafe off loopback', [bad(elsewhere)], 'refuse', 'warn'],
  ['is unsafe at both endpoints', [bad(here), bad(elsewhere)], 'refuse', 'warn'],
  ['is unsafe at its public endpoint alone', [good(here), bad(elsewhere)], 'refuse', 'warn'],
  ['is unsafe here, behind a proxy that rejects forgeries', [bad(here), good(elsewhere)], 'warn', 'warn'],
  ['is unsafe here, and unknown there', [bad(here), unreachable(elsewhere)], 'refuse', 'warn'],
  ['is unsafe under two names of this machine', [bad(here), bad('http://localhost:9000')], 'warn', 'warn'],
])('a store that %s', (_, findings, kind, kindIfAllowed) => {
  expect(judgeStore(findings, false).kind).toBe(kind)
  expect(judgeStore(findings, true).kind).toBe(kindIfAllowed)
})

test('states begin with one word; only a deliberately accepted store is "allowed"', () => {
  const word = (findings: Findings[], mayBeUnsafe: boolean) =>
    judgeStore(findings, mayBeUnsafe).state.split(':')[0]
  expect(word([good(elsewhere)], false)).toBe('safe')
  expect(word([bad(here)], false)).toBe('unsafe')
  expect(word([bad(elsewhere)], true)).toBe('allowed')
})

test('the last message of a process names the forgeries, the endpoint and the remedy', () => {
  const verdict = judgeStore([bad(elsewhere), unreachable(here)], false)
  if (verdict.kind !== 'refuse') throw new Error(`not refused but ${verdict.kind}`)
  expect(verdict.message).toContain(`${elsewhere}: PUT with no signature (answered 200)`)
  expect(verdict.message).toContain(`${here}: not checked (no route)`)
  for (const remedy of ['versitygw', 'infra/compose.yaml', 'S3_ALLOW_UNSAFE=1'])
    expect(verdict.message).toContain(remedy)
})

test.each<[endpoint: string, boolean]>([
  ['http://127.0.0.1:9000', true],
  ['http://127.8.9.10', true],
  ['http://127.1:9000', true],
  ['http://[::1]:9000', true],
  ['http://localhost', true],
  ['http://LOCALHOST:9000/', true],
  ['https://files.localhost:9000', true],
  ['http://0.0.0.0:9000', false],
  ['http://[::]:9000', false],
  ['http://10.0.0.1', false],
  ['http://minio:9000', false],
  ['http://127.0.0.1.nip.io', false],
  ['http://notlocalhost', false],
  ['http://localhost.example', false],
  ['http://127.0.0.1@files.example', false],
  ['minio:9000', false],
  ['', false],
])('%s is on loopback: %s', (endpoint, expected) => {
  expect(isOnLoopback(endpoint)).toBe(expected)
})
