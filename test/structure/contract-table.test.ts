import { glob, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { contractEntries } from '@millrace/shared'
import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..', '..')
const routes: readonly string[] = contractEntries.map(([, { method, path }]) => `${method} ${path}`)

async function sources(pattern: string): Promise<[file: string, text: string][]> {
  const files = await Array.fromAsync(glob(pattern, { cwd: root }))
  const own = files.filter((file) => !file.endsWith('.test.ts'))
  return Promise.all(
    own.map(async (file): Promise<[string, string]> => [file, await readFile(join(root, file), 'utf8')]),
  )
}

describe('the contract', () => {
  test('has each method and path once, and one schema for each part of a path that varies', () => {
    expect(new Set(routes).size).toBe(routes.length)
    for (const [name, { path, params = {}, subject }] of contractEntries) {
      expect(Object.keys(params), name).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, part]) => part))
      expect(subject !== undefined, name).toBe(Object.keys(params).length > 0)
    }
  })

  test('has examples that it accepts', () => {
    const faults = contractEntries.map(([name, { body, example }]) =>
      example === undefined || body?.safeParse(example).success ? null : name,
    )
    expect(faults.filter(Boolean)).toEqual([])
  })

  test('alone defines endpoints: server, client and agent name its entries', async () => {
    const found = await sources('packages/{api,client,agent,cli}/src/**/*.ts')
    expect(found.length).toBeGreaterThan(300)
    expect(found.flatMap(([file, text]) => faultsIn(text).map((fault) => `${file}: ${fault}`))).toEqual([])
  })

  test('has no entry that the API does not serve', async () => {
    const served = (await sources('packages/api/src/routes/*.ts')).flatMap(([, text]) => [
      ...text.matchAll(/endpoint\(\s*contract(?:\.(\w+)|\[`\$\{kind\}(\w+)`\])/g),
    ])
    const names = served.map(([, name, ending]) => name ?? `…${ending}`)
    const byKind = /^(?:retry|test|enable|disable)Module$/
    const wanted = contractEntries.map(([name]) => name).filter((name) => !byKind.test(name))
    expect(names.sort()).toEqual([...wanted, '…Module', '…Module'].sort())
  })
})

test.each([
  ["endpoint({ method: 'GET' })"],
  ["call('GET /api/nothing')"],
  ["send('GET', '/api/tasks')"],
  ['send("GET", `/api/tasks/` + id)'],
])('%s would be a definition elsewhere', (text) => {
  expect(faultsIn(text)).toHaveLength(1)
})

/** Literals of paths, routes that the table does not have, and endpoints that are none of its entries. */
function faultsIn(source: string): string[] {
  const text = source.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '')
  const paths = [...text.matchAll(/['"`]\/(?:api|agent\/v1)\/[^'"`\n]+/g)].map(([path]) => path)
  const unknown = [...text.matchAll(/['"`]((?:GET|POST|PUT|PATCH|DELETE) \/(?:api|agent)\/[^'"`\n]*)['"`]/g)]
    .map(([, route = '']) => route)
    .filter((route) => !routes.includes(route))
  const loose = [...text.matchAll(/\bendpoint\((?!\s*contract[.[])[^<\n]*/g)].map(([call]) => call)
  return [...paths, ...unknown, ...loose.filter((call) => !call.startsWith('endpoint(call: C'))]
}
