import { describe, expect, test } from 'vitest'
import { canonicalFormat, Manifest, ModuleName, moduleNameOf, unknownManifestKeys } from './manifest.ts'
import { dataTypesOf } from './module.ts'
import { faultOfValue } from './values.ts'

const least = { name: 'm', version: '1.0.0' }
function portOf(port: object) {
  const [only] = Manifest.parse({ ...least, inputs: [{ key: 'in', ...port }] }).inputs
  if (!only) throw new Error('no port')
  return only
}

describe('module.json', () => {
  test('requires a name and a version; everything else has a default', () => {
    expect(Manifest.parse(least)).toEqual({
      ...least,
      description: '',
      entryPoint: 'main.py',
      requirementsFile: 'requirements.txt',
      python: '>=3.10',
      allowBuilds: false,
      inputs: [],
      outputs: [],
      timeoutSeconds: 300,
      setupTimeoutSeconds: 900,
      testTimeoutSeconds: 120,
      loadTimeoutSeconds: 180,
      resources: { usesGpu: false, minRamBytes: 0, minVramBytes: 0 },
      modes: ['run'],
      env: [],
    })
  })

  test('may use the old flat keys and type names; the new ones win', () => {
    const flat = { ...least, timeout: 5, uses_gpu: true, min_ram: 1, min_vram: 2 }
    expect(Manifest.parse(flat)).toMatchObject({
      timeoutSeconds: 5,
      resources: { usesGpu: true, minRamBytes: 1048576, minVramBytes: 2097152 },
    })
    const both = {
      ...flat,
      timeout_seconds: 7,
      resources: { uses_gpu: false, min_ram_mb: 4, min_vram_mb: 0 },
    }
    expect(Manifest.parse(both)).toMatchObject({
      timeoutSeconds: 7,
      resources: { usesGpu: false, minRamBytes: 4194304, minVramBytes: 0 },
    })
    expect(portOf({ type: 'file_path', format: 'JPEG' })).toMatchObject({ type: 'file', format: ['jpg'] })
    expect(portOf({ type: 'json_data' })).toMatchObject({ type: 'json', required: true, multiple: false })
  })

  test('may set the attempts of its tasks and its original name', () => {
    const worker = { ...least, max_attempts: 4, original_name: 'PrismQ.Reddit.Scrape' }
    expect(Manifest.parse(worker)).toMatchObject({ maxAttempts: 4, originalName: 'PrismQ.Reddit.Scrape' })
    expect(unknownManifestKeys(worker)).toEqual([])
    const names = ['PrismQ.Reddit.Scrape', 'a b/ü_c-🎈', 'text-stats']
    expect(names.map(moduleNameOf)).toEqual(['prismq-reddit-scrape', 'a-b--_c--', 'text-stats'])
  })

  test('may declare the variables that it needs, with or without a description', () => {
    const env = ['HF_TOKEN', { name: 'LICENCE', description: 'of the model', required: true }]
    expect(Manifest.parse({ ...least, env }).env).toEqual([
      { name: 'HF_TOKEN', required: false },
      { name: 'LICENCE', description: 'of the model', required: true },
    ])
    expect(unknownManifestKeys({ ...least, env })).toEqual([])
    for (const bad of [['A B'], [''], ['1A'], ['A=b'], ['TOKEN', 'token'], { TOKEN: 'x' }, [{}], [null]])
      expect(Manifest.safeParse({ ...least, env: bad }).success).toBe(false)
  })

  test('may have unknown keys, which can be listed', () => {
    expect(Manifest.safeParse({ ...least, author: 'me' }).success).toBe(true)
    expect(unknownManifestKeys({ ...least, author: 'me', min_ram: 1, toString: 1 })).toEqual([
      'author',
      'toString',
    ])
  })

  test('is rejected for a bad name, version or port, and for files outside its folder', () => {
    const bad: [object, string][] = [
      [{ max_attempts: 0 }, 'max_attempts'],
      [{ max_attempts: 21 }, 'max_attempts'],
      [{ name: 'Upper' }, 'name'],
      [{ name: 'constructor' }, 'name'],
      [{ name: '' }, 'name'],
      [{ name: 'x'.repeat(64) }, 'name'],
      [{ version: '1.0' }, 'version'],
      [{ version: 'v1.0.0' }, 'version'],
      [{ timeout_seconds: 0 }, 'timeout_seconds'],
      [{ timeout_seconds: 604801 }, 'timeout_seconds'],
      [{ inputs: [{ key: '1a', type: 'text' }] }, 'inputs'],
      [{ inputs: [{ key: '__proto__', type: 'text' }] }, 'inputs'],
      [{ inputs: [{ key: 'a', type: 'picture' }] }, 'inputs'],
      [
        {
          outputs: [
            { key: 'a', type: 'text' },
            { key: 'a', type: 'text' },
          ],
        },
        'outputs',
      ],
      [{ modes: ['fly'] }, 'modes'],
    ]
    for (const path of [
      '../main.py',
      'a/../../b',
      '/etc/passwd',
      'C:\\x',
      'c:x',
      '\\\\host\\x',
      'a\\..\\..\\b',
      'a\0b',
      '',
    ])
      bad.push([{ entry_point: path }, 'entry_point'], [{ requirements_file: path }, 'requirements_file'])
    for (const [change, where] of bad) {
      const parsed = Manifest.safeParse({ ...least, ...change })
      expect(
        parsed.error?.issues.map((issue) => issue.path[0]),
        JSON.stringify(change),
      ).toContain(where)
    }
    for (const entry_point of ['src/main.py', 'a..b.py', './main.py'])
      expect(Manifest.safeParse({ ...least, entry_point }).success, entry_point).toBe(true)
    for (const name of ['a', '0-a_b', 'x'.repeat(63)]) expect(ModuleName.safeParse(name).success).toBe(true)
  })

  test('normalizes formats, and maps ports to data types', () => {
    expect(['JPEG', '.jpg', 'TIFF', '.Png'].map(canonicalFormat)).toEqual(['jpg', 'jpg', 'tif', 'png'])
    expect(dataTypesOf(portOf({ type: 'file', format: ['jpg', 'png', 'mp4', 'xyz'] }))).toEqual([
      'image',
      'video',
      'file',
    ])
    expect(dataTypesOf(portOf({ type: 'file' }))).toEqual(['file'])
    expect(dataTypesOf(portOf({ type: 'number' }))).toEqual(['number'])
    expect(dataTypesOf(portOf({ type: 'text', multiple: true }))).toEqual(['list'])
  })
})

describe('a value', () => {
  const rows: [object, Parameters<typeof faultOfValue>[1], RegExp | null][] = [
    [{ type: 'text' }, '', null],
    [{ type: 'text' }, 5, /text, not a number/],
    [{ type: 'text' }, null, /not null/],
    [{ type: 'text', enum: ['a', 'b'] }, 'b', null],
    [{ type: 'text', enum: ['a', 'b'] }, 'c', /one of "a", "b"/],
    [{ type: 'boolean' }, false, null],
    [{ type: 'boolean' }, 0, /true or false/],
    [{ type: 'number' }, 1.5, null],
    [{ type: 'number' }, '1', /a number, not a string/],
    [{ type: 'number', integer: true }, 1.5, /whole/],
    [{ type: 'number', integer: true, min: 1, max: 3 }, 3, null],
    [{ type: 'number', min: 1 }, 0.99, /at least 1/],
    [{ type: 'number', max: 1 }, 1.01, /at most 1/],
    [{ type: 'number', enum: [1, 2] }, 3, /one of 1, 2/],
    [{ type: 'json' }, [1, { a: null }], null],
    [{ type: 'json', enum: [{ a: 1 }] }, { a: 1 }, null],
    [{ type: 'file' }, {}, /a file, not an object/],
  ]
  for (const [port, value, fault] of rows) {
    test(`${JSON.stringify(value)} as ${JSON.stringify(port)} is ${fault ? 'rejected' : 'accepted'}`, () => {
      const found = faultOfValue(portOf(port), value)
      if (fault) expect(found).toMatch(fault)
      else expect(found).toBeNull()
    })
  }
})
