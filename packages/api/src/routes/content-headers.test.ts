import { describe, expect, test } from 'vitest'
import { escapeRegex } from '../store/prefix.ts'
import { contentDisposition, servedType } from './content-headers.ts'

describe('content that a browser may show', () => {
  test('is images, video, audio, PDF and plain text; everything else is saved', () => {
    for (const type of ['image/png', 'IMAGE/JPEG; q=1', 'video/mp4', 'audio/x-wav', 'application/pdf'])
      expect(servedType(type, 'inline').disposition, type).toBe('inline')
    expect(servedType('text/plain; charset=latin1', 'inline')).toEqual({
      contentType: 'text/plain; charset=utf-8',
      disposition: 'inline',
    })
    const saved = { contentType: 'application/octet-stream', disposition: 'attachment' }
    for (const type of [
      'text/html',
      'image/svg+xml',
      'application/xml',
      'image/x+xml',
      'text/css',
      '',
      null,
      'image/',
    ])
      expect(servedType(type, 'inline'), String(type)).toEqual(saved)
    expect(servedType('image/png', 'attachment')).toEqual({
      contentType: 'image/png',
      disposition: 'attachment',
    })
  })
})

describe('a file name in a header', () => {
  test('is quoted for old clients and encoded for others', () => {
    const rows: [string, string][] = [
      ['a b.txt', `filename="a b.txt"; filename*=UTF-8''a%20b.txt`],
      ['ü.png', `filename="_.png"; filename*=UTF-8''%C3%BC.png`],
      ['a"b;c%d.txt', `filename="a_b_c_d.txt"; filename*=UTF-8''a%22b%3Bc%25d.txt`],
      ['../\\x', `filename="..__x"; filename*=UTF-8''..__x`],
      ['a\r\nb\u202e', `filename="ab"; filename*=UTF-8''ab`],
      ["it's (1)*!", `filename="it's (1)*!"; filename*=UTF-8''it%27s%20%281%29%2A%21`],
      ['\ud800', `filename="_"; filename*=UTF-8''%EF%BF%BD`],
      [' \u0000 ', `filename="file"; filename*=UTF-8''file`],
      ['..', `filename="file"; filename*=UTF-8''file`],
      ['a.txt. .', `filename="a.txt"; filename*=UTF-8''a.txt`],
      ['.profile', `filename=".profile"; filename*=UTF-8''.profile`],
      ['CON', `filename="_CON"; filename*=UTF-8''_CON`],
      ['nul.tar.gz', `filename="_nul.tar.gz"; filename*=UTF-8''_nul.tar.gz`],
      ['console.log', `filename="console.log"; filename*=UTF-8''console.log`],
    ]
    for (const [name, header] of rows) expect(contentDisposition('inline', name)).toBe(`inline; ${header}`)
  })
})

test('a prefix is searched for as it is written', () => {
  for (const text of ['a.b*c+d?', '(x)[y]{z}', '^$|\\/-', '\u0000', 'ünï'])
    expect(new RegExp(`^${escapeRegex(text)}$`).test(text), text).toBe(true)
  expect(escapeRegex('\u0000')).toBe('\\x00')
})
