import { expect, test } from 'vitest'
import { Secrets, secretsIn } from './secrets.ts'

test('a secret is hidden wherever it stands, the longer of two before the shorter', () => {
  const mask = new Secrets(['mr_abcdef', 'mr_abcdef-and-more', undefined, 'abc']).mask()
  expect(mask('key mr_abcdef-and-more, mr_abcdef and abc')).toBe('key ***, *** and abc')
})

test('values under six characters stay readable, and so does what a module has encoded', () => {
  const mask = new Secrets(['12345', '123456']).mask()
  expect(mask('12345 and 123456')).toBe('12345 and ***')
  const encoded = Buffer.from('123456').toString('base64')
  expect(mask(encoded)).toBe(encoded)
})

test('what is learned later counts from the next mask on', () => {
  const secrets = new Secrets()
  secrets.add('nats-password')
  expect(secrets.mask()('user:nats-password@host')).toBe('user:***@host')
})

test('every line of a private key is hidden', () => {
  const key = '-----BEGIN KEY-----\nMIIEvgIBADANBgkq\nhkiG9w0BAQ\n-----END KEY-----'
  expect(new Secrets([key]).mask()('found MIIEvgIBADANBgkq here')).toBe('found *** here')
})

test('signatures of presigned URLs are hidden, the rest of the URL is not', () => {
  const url = 'http://s3/b/k?X-Amz-Expires=60&X-Amz-Signature=0a1b2c&x-id=GetObject'
  expect(new Secrets().mask()(`403 at ${url}`)).toBe(
    '403 at http://s3/b/k?X-Amz-Expires=60&X-Amz-Signature=***&x-id=GetObject',
  )
})

test.each([
  ['API_KEY', 'value-1', true],
  ['openaiApiKey', 'value-1', true],
  ['DB_PASSWORD', 'value-1', true],
  ['GITHUB_TOKEN', 'value-1', true],
  ['TOKENIZERS_PARALLELISM', 'value-1', false],
  ['SSH_AUTH_SOCK', '/tmp/agent.1', false],
  ['PWD', 'C:\\Users', false],
  ['MONKEY', 'value-1', false],
  ['PROJECT', 'value-1', false],
])('%s=%s: secret %s', (name, value, isSecret) => {
  expect(secretsIn({ [name]: value })).toEqual(isSecret ? [value] : [])
})

test('an address gives its password only', () => {
  expect(secretsIn({ DATABASE_URL: 'postgres://me:hunter22@db:5432/x' })).toEqual(['hunter22'])
})

test('what looks like a pattern is taken as it is written', () => {
  expect(new Secrets(['a.c*(d)$[']).mask()('abc*(d)$[ a.c*(d)$[ $&')).toBe('abc*(d)$[ *** $&')
})

test('a flood of 100 MB is searched within two seconds', () => {
  const mask = new Secrets(['one-secret', 'another-secret', 'a-third-secret', 'the-fourth-one']).mask()
  const line = 'x'.repeat(1000)
  const startedAt = performance.now()
  for (let n = 0; n < 100_000; n++) mask(line)
  expect(performance.now() - startedAt).toBeLessThan(2000)
})

test('what a module was given is hidden, whatever it is called, but for where files lie, numbers and plain addresses', () => {
  const given = {
    HF: 'abcdefgh',
    DB: 'postgres://me:hunter22@db/x',
    LD_LIBRARY_PATH: '/opt/cuda/lib:/opt/more',
    DLLS: 'C:\\cuda\\bin',
    SIZE: '1234567',
    MIRROR: 'https://mirror.example/models',
    HOOK: 'https://hooks.example/x?k=abc',
  }
  const mask = new Secrets().mask({}, given)
  expect(Object.values(given).map(mask)).toEqual([
    '***',
    '***',
    given.LD_LIBRARY_PATH,
    given.DLLS,
    given.SIZE,
    given.MIRROR,
    '***',
  ])
  expect(new Secrets().mask({}, { PIN_TOKEN: '12345678' })('12345678')).toBe('***')
})
