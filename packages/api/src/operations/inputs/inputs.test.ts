import { type Json, Manifest } from '@millrace/shared'
import { describe, expect, test } from 'vitest'
import type { DataDoc } from '../../store/documents/data.ts'
import { at, taskId } from '../task/example.fixture.ts'
import { faultOfItem } from './fits.ts'
import { parseInput } from './parse.ts'
import { resolveInputs } from './resolve.ts'

const dataId = 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV'
const item = (changes: Partial<DataDoc>): DataDoc => ({
  _id: dataId,
  rev: 1,
  apiKey: 'k',
  grant: null,
  label: '',
  type: 'file',
  isFile: true,
  status: 'available',
  json: null,
  object: null,
  contentType: null,
  size: 1,
  sha256: null,
  fileName: null,
  items: null,
  error: null,
  producer: null,
  round: 1,
  multipart: null,
  uploads: 1,
  settle: null,
  tags: [],
  createdAt: at,
  updatedAt: at,
  expiresAt: null,
  ...changes,
})
const manifestOf = (...inputs: object[]) => Manifest.parse({ name: 'm', version: '1.0.0', inputs })
function portOf(port: object) {
  const [only] = manifestOf({ key: 'in', ...port }).inputs
  if (!only) throw new Error('no port')
  return only
}

describe('an input in a request', () => {
  test('is a reference only with exactly the keys of one', () => {
    expect(parseInput({ data: dataId }, '')).toEqual({ given: { kind: 'data', id: dataId } })
    expect(parseInput({ output: 'o', task: taskId }, '')).toEqual({
      given: { kind: 'output', task: taskId, output: 'o' },
    })
    expect(parseInput({ value: { data: 'x' } }, '')).toEqual({
      given: { kind: 'value', value: { data: 'x' } },
    })
    const plains: Json[] = [
      null,
      0,
      '',
      'dat_1',
      [],
      [{ data: 1 }],
      {},
      { output: 'o' },
      { Data: 1 },
      { values: 1 },
    ]
    for (const plain of plains)
      expect(parseInput(plain, '')).toEqual({ given: { kind: 'value', value: plain } })
  })

  test('is rejected if it could be a reference or a value', () => {
    const eithers: Json[] = [
      { data: 1, x: 1 },
      { task: taskId },
      { value: 1, data: 1 },
      { task: 1, output: 1, x: 1 },
    ]
    for (const either of eithers)
      expect(parseInput(either, '/p')).toMatchObject({ fault: { path: '/p', ambiguous: true } })
  })
})

describe('a data item', () => {
  const photo = portOf({ type: 'file', format: ['jpeg', 'TIFF'] })

  test('fits a file input by its content type or its extension', () => {
    const fitting = [
      { contentType: 'image/jpeg' },
      { contentType: 'image/jpeg; q=1' },
      { contentType: 'application/octet-stream', fileName: 'a.JPG' },
      { fileName: 'scan.tif' },
      { contentType: 'image/tiff' },
      { status: 'pending' as const },
    ]
    for (const one of fitting) expect(faultOfItem(photo, item(one)), JSON.stringify(one)).toBeNull()
    for (const one of [
      { contentType: 'image/png', fileName: 'a.png' },
      { contentType: 'text/plain' },
      { fileName: 'jpg' },
    ])
      expect(faultOfItem(photo, item(one)), JSON.stringify(one)).toMatch(/^must be jpg or tif/)
    for (const one of [{ fileName: 'jpg' }, { contentType: 'application/octet-stream', fileName: 'a' }])
      expect(faultOfItem(photo, item(one))).toContain(
        'with its own content type, or under a name that ends in .jpg',
      )
  })

  test.each([
    ['avi', 'video/x-msvideo'],
    ['m4a', 'audio/mp4;codecs=mp4a.40.2'],
    ['m4a', 'audio/x-m4a'],
    ['flac', 'audio/x-flac'],
    ['zip', 'application/x-zip-compressed'],
    ['md', 'text/markdown; charset=UTF-8'],
    ['webm', 'video/webm;codecs=vp8,opus'],
    ['mkv', 'video/x-matroska;codecs=avc1,opus'],
    ['webp', 'image/webp'],
  ])('in the format %s may have the content type %s and any name', (format, contentType) => {
    expect(faultOfItem(portOf({ type: 'file', format }), item({ contentType, fileName: 'blob' }))).toBeNull()
  })

  test('without a format fits any file; inline text and JSON are written to one, numbers are not', () => {
    const any = portOf({ type: 'file' })
    expect(faultOfItem(any, item({}))).toBeNull()
    expect(faultOfItem(any, item({ isFile: false, type: 'text', json: '"a"' }))).toBeNull()
    expect(faultOfItem(any, item({ isFile: false, type: 'json', json: '{}' }))).toBeNull()
    expect(faultOfItem(any, item({ isFile: false, type: 'number', json: '1' }))).toMatch(/must be file/)
  })

  test('as text or JSON is a value or a file of that kind up to 64 MiB', () => {
    const text = portOf({ type: 'text' })
    expect(faultOfItem(text, item({ type: 'text', size: 64 * 1024 * 1024 }))).toBeNull()
    expect(faultOfItem(text, item({ type: 'text', size: 64 * 1024 * 1024 + 1 }))).toMatch(/64 MiB/)
    expect(faultOfItem(text, item({ type: 'image' }))).toMatch(/must be text/)
    expect(faultOfItem(text, item({ isFile: false, type: 'text', json: '"a"' }))).toBeNull()
    expect(faultOfItem(text, item({ isFile: false, type: 'number', json: '5' }))).toMatch(/must be text/)
    expect(
      faultOfItem(portOf({ type: 'json' }), item({ isFile: false, type: 'number', json: '5' })),
    ).toBeNull()
  })

  test('as a number or a boolean is a value of that type, judged by its bounds', () => {
    const number = portOf({ type: 'number', min: 2 })
    expect(faultOfItem(number, item({ isFile: false, type: 'number', json: '2' }))).toBeNull()
    expect(faultOfItem(number, item({ isFile: false, type: 'number', json: '1' }))).toMatch(/at least 2/)
    expect(faultOfItem(number, item({ isFile: false, type: 'number', status: 'pending' }))).toBeNull()
    expect(faultOfItem(number, item({ isFile: false, type: 'text', status: 'pending' }))).toMatch(
      /must be number/,
    )
    expect(faultOfItem(number, item({}))).toMatch(/must be number/)
  })
})

describe('inputs', () => {
  const found = (items: DataDoc[]) => ({
    data: new Map(items.map((one) => [one._id, one])),
    tasks: new Map(),
  })
  const many = manifestOf({ key: 'list', type: 'text', multiple: true })

  test('of a list are an array or a list item, never empty where one is required', () => {
    const resolve = (list: Parameters<typeof resolveInputs>[1][string], items: DataDoc[] = []) =>
      resolveInputs(many, { list }, found(items))
    expect(resolve(['a', { value: 'b' }]).inputs).toEqual({ list: [{ json: '"a"' }, { json: '"b"' }] })
    expect(resolve({ data: dataId }, [item({ type: 'list', isFile: false })]).faults).toEqual([])
    expect(resolve({ data: dataId }, [item({ type: 'text' })]).faults).toMatchObject([
      { path: '/inputs/list' },
    ])
    expect(resolve([]).faults).toMatchObject([{ path: '/inputs/list' }])
    expect(resolve('a').faults).toMatchObject([{ path: '/inputs/list' }])
  })

  test('that no longer exist are reported as gone, not as invalid', () => {
    for (const status of ['failed', 'expired', 'removing'] as const)
      expect(
        resolveInputs(many, { list: [{ data: dataId }] }, found([item({ status, type: 'text' })])).faults,
      ).toMatchObject([{ kind: 'gone', path: '/inputs/list/0' }])
    for (const status of ['pending', 'uploading', 'deleting'] as const)
      expect(
        resolveInputs(many, { list: [{ data: dataId }] }, found([item({ status, type: 'text' })])).faults,
      ).toEqual([])
  })

  test('have defaults: a required input with one may be omitted', () => {
    const manifest = manifestOf(
      { key: 'a', type: 'number', default: 5 },
      { key: 'b', type: 'text', required: false },
    )
    expect(resolveInputs(manifest, { a: null, b: { value: null } }, found([]))).toEqual({
      inputs: {},
      faults: [],
    })
  })
})
