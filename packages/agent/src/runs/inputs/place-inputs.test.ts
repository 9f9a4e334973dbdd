import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GrantedFile, type GrantedInput, Manifest } from '@millrace/shared/for-agents'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { download, InputUnavailable } from './download.ts'
import { placeInputs } from './place-inputs.ts'

let folder: string
let store: Server
let url: string
let answer: (path: string, response: ServerResponse) => void
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inputs-'))
  store = createServer((request, response) => answer(request.url ?? '', response))
  await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve))
  const address = store.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  url = `http://127.0.0.1:${address.port}`
})
afterEach(async () => {
  store.closeAllConnections()
  await new Promise((resolve) => store.close(resolve))
  await rm(folder, { recursive: true })
})

const bytes = Buffer.from('0123456789'.repeat(10_000))
const sha256 = createHash('sha256').update(bytes).digest('hex')
const fileOf = (changes: Partial<GrantedFile['file']> = {}): GrantedFile['file'] => ({
  data: 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV',
  url: `${url}/old?sig=1`,
  name: 'My Photo.JPG',
  size: bytes.length,
  contentType: 'image/jpeg',
  sha256,
  label: 'holiday',
  ...changes,
})
const fetchFile = (file: GrantedFile['file'], path: string, troubles: unknown[] = [], tries = 12) =>
  download(file, path, {
    freshUrl: async () => `${url}/fresh?sig=2`,
    signal: new AbortController().signal,
    onTrouble: (error) => troubles.push(error),
    first: 1,
    tries,
  })

test('a file comes through 500s, cut connections, wrong bytes and expired URLs', async () => {
  const troubles: unknown[] = []
  const answers = [
    (response: ServerResponse) => response.writeHead(500).end(),
    (response: ServerResponse) => response.destroy(),
    (response: ServerResponse) => {
      response.writeHead(200, { 'content-length': bytes.length })
      response.write(bytes.subarray(0, 50_000), () => response.destroy())
    },
    (response: ServerResponse) => response.end(Buffer.alloc(bytes.length)),
    (response: ServerResponse) => response.end(bytes.subarray(1)),
    (response: ServerResponse) => response.writeHead(403).end(),
  ]
  let last = ''
  answer = (path, response) => {
    last = path
    const next = answers.shift()
    if (next) next(response)
    else response.end(bytes)
  }
  await fetchFile(fileOf(), join(folder, 'file'), troubles)
  expect(troubles).toHaveLength(6)
  expect(last).toBe('/fresh?sig=2')
  expect(await readFile(join(folder, 'file'))).toEqual(bytes)
})

test('what is not in the store is final, what stays broken may be tried by another run', async () => {
  answer = (_, response) => response.writeHead(404).end()
  await expect(fetchFile(fileOf(), join(folder, 'f'))).rejects.toMatchObject({
    name: 'InputUnavailable',
    retryable: false,
  })
  answer = (_, response) => response.writeHead(503).end()
  await expect(fetchFile(fileOf(), join(folder, 'f'), [], 3)).rejects.toMatchObject({ retryable: true })
})

test('no signature shows up in what went wrong', async () => {
  answer = (_, response) => response.writeHead(403).end()
  const troubles: unknown[] = []
  await expect(fetchFile(fileOf(), join(folder, 'f'), troubles, 2)).rejects.toThrow(InputUnavailable)
  expect(troubles.map(String).join()).not.toContain('sig=')
})

const manifest = Manifest.parse({
  name: 'm',
  version: '1.0.0',
  inputs: [
    { key: 'photo', type: 'file' },
    { key: 'more', type: 'file', multiple: true },
    { key: 'doc', type: 'json' },
    { key: 'text', type: 'text' },
    { key: 'size', type: 'number', required: false, default: 40 },
    { key: 'extra', type: 'json', required: false },
  ],
})
const place = (inputs: Record<string, GrantedInput>) =>
  placeInputs(inputs, manifest.inputs, folder, (file, path) => fetchFile(file, path, [], 1))

test('files become paths, text and JSON files become values, what was not given its default or null', async () => {
  const documents: Record<string, string> = { '/doc': '\uFEFF{"a":[1]}', '/text': 'häßlich' }
  answer = (path, response) => response.end(documents[path] ?? bytes)
  const named = (key: string, text: string): GrantedFile => ({
    file: fileOf({
      url: `${url}/${key}`,
      size: Buffer.byteLength(text),
      sha256: undefined,
      name: `${key}.txt`,
    }),
  })
  const { inputs, files } = await place({
    photo: { file: fileOf({ name: '../../etc/x.JPG' }) },
    more: { list: [{ file: fileOf({ name: 'a.p/ng' }) }, { value: { inline: true } }] },
    doc: named('doc', documents['/doc'] ?? ''),
    text: named('text', documents['/text'] ?? ''),
  })
  expect(inputs).toEqual({
    photo: join(folder, 'photo.jpg'),
    more: [join(folder, 'more-0'), join(folder, 'more-1.json')],
    doc: { a: [1] },
    text: 'häßlich',
    size: 40,
    extra: null,
  })
  expect(files.photo).toEqual({ content_type: 'image/jpeg', size: bytes.length, label: 'holiday' })
  expect(files.more).toHaveLength(2)
  expect(await readFile(join(folder, 'more-1.json'), 'utf8')).toBe('{"inline":true}')
})

test('a JSON input that is none is a final failure that names the input', async () => {
  answer = (_, response) => response.end('{"a":')
  const doc = { file: fileOf({ size: 5, sha256: undefined, name: 'd.json' }) }
  await expect(place({ doc })).rejects.toMatchObject({
    retryable: false,
    message: 'doc: d.json is not valid JSON',
  })
})

test.each([
  ['UTF-8 with its mark', Buffer.from('\uFEFFGröße'), ''],
  ['UTF-16 by its mark', Buffer.from('\uFEFFGröße', 'utf16le'), 'text/plain'],
  ['UTF-16 of the other order', Buffer.from('\uFEFFGröße', 'utf16le').swap16(), 'text/plain; charset=utf-8'],
  ['a declared charset', Buffer.from('Größe', 'latin1'), 'text/plain; charset=windows-1252'],
  ['one in quotes', Buffer.from('Größe', 'latin1'), 'text/plain; format=flowed; Charset="ISO-8859-1"'],
  ['UTF-16 that is declared', Buffer.from('Größe', 'utf16le'), 'text/plain; charset=utf-16le'],
])('a text and JSON in %s is read', async (_, content, contentType) => {
  answer = (path, response) => response.end(path === '/doc' ? inQuotes(content, contentType) : content)
  const given = (key: string, size: number) => ({
    file: fileOf({ url: `${url}/${key}`, size, sha256: undefined, contentType, name: key }),
  })
  const doc = given('doc', inQuotes(content, contentType).length)
  const { inputs } = await place({ text: given('text', content.length), doc })
  expect(inputs).toMatchObject({ text: 'Größe', doc: 'Größe' })
})

/** The same text as JSON, in the same charset. */
function inQuotes(content: Buffer, contentType: string): Buffer {
  if (content[0] === 0xfe) return Buffer.from('\uFEFF"Größe"', 'utf16le').swap16()
  if (content[0] === 0xff) return Buffer.from('\uFEFF"Größe"', 'utf16le')
  if (content[0] === 0xef) return Buffer.from('\uFEFF"Größe"')
  return Buffer.from('"Größe"', contentType.includes('utf-16') ? 'utf16le' : 'latin1')
}

test.each([
  [
    'text',
    Buffer.from('Größe', 'latin1'),
    '',
    /is not UTF-8: the byte 0xf6 at offset 2 .*save it as UTF-8, or declare/,
  ],
  ['text', Buffer.from('hello', 'utf16le'), 'text/plain', /looks like UTF-16 without a byte order mark/],
  ['text', Buffer.from([0xff, 0xfe, 0x61, 0, 0x62]), '', /is not UTF-16LE: the byte 0x62 at offset 4/],
  ['text', Buffer.from('a'), 'text/plain; charset=klingon', /has the charset klingon, which is not known/],
  [
    'text',
    Buffer.concat([Buffer.alloc(70_000, 'ü'), Buffer.from([0xe2, 0x82])]),
    '',
    /byte 0xe2 at offset 70000/,
  ],
  ['doc', Buffer.from('"Größe"', 'latin1'), '', /0xf6 at offset 3/],
  ['doc', Buffer.from('{"a": [0, -1e400]}'), '', /too large.* at \/a\/1$/],
  [
    'doc',
    Buffer.from('{"a": [653247040368672769]}'),
    '',
    /holds 653247040368672769, an integer beyond.* at \/a\/0$/,
  ],
  ['doc', Buffer.from('{"a": {"b": "\\ud800"}}'), '', /half a surrogate pair.* at \/a\/b/],
  ['doc', Buffer.from('{"a": NaN}'), '', /NaN.* at \/a$/],
])('a %s that would be garbled is refused: %s', async (key, content, contentType, message) => {
  answer = (_, response) => response.end(content)
  const file = fileOf({ size: content.length, sha256: undefined, contentType, name: 'given' })
  await expect(place({ [key]: { file } })).rejects.toMatchObject({
    name: 'InputUnavailable',
    retryable: false,
    message: expect.stringMatching(message),
  })
})
