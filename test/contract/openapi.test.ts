import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import openapiTS, { astToString } from 'openapi-typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'

let api: TestApi
let folder: string
beforeAll(async () => {
  api = await openApi()
  folder = await mkdtemp(join(tmpdir(), 'millrace-openapi-'))
})
afterAll(async () => {
  await api.close()
  await rm(folder, { recursive: true })
})

const read = async () => (await api.request('/openapi.json', { key: null })).text()

test('the document passes the recommended rules of a validator, without a warning', async () => {
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({ source: await read(), absoluteRef: '/openapi.json', config })
  expect(problems.map(({ message, location }) => `${location[0]?.pointer}: ${message}`)).toEqual([])
})

/** What a program in TypeScript would write. */
const program = `
import type { components, operations } from './millrace.ts'
type Schemas = components['schemas']
type Answer = operations['getTask']['responses'][200]['content']['application/json']
type TaskEvent = operations['followTask']['responses'][200]['content']['text/event-stream']
export const statusOf = ({ task }: Answer): Schemas['TaskStatus'] => task.status
export const lineOf = (event: TaskEvent): string | undefined =>
  event.event === 'log' ? event.data.line : undefined
export const line: operations['getRunLog']['responses'][200]['content']['application/x-ndjson']['line'] = 'a'
export const submitted: Schemas['CreateTask'] = { module: 'faces', inputs: { picture: { data: 'dat_' } } }
export const item = (found: Schemas['DataItem']): Schemas['DataType'] => found.type
// @ts-expect-error no status of a task
export const wrong: Schemas['TaskStatus'] = 'away'
`

test('types made of it by openapi-typescript compile, and name what they are', async () => {
  // What has a default may be left out of a request.
  const types = astToString(await openapiTS(await read(), { defaultNonNullable: false }))
  await writeFile(join(folder, 'millrace.ts'), types)
  await writeFile(join(folder, 'program.ts'), program)
  const flags = [
    '--noEmit',
    '--strict',
    '--allowImportingTsExtensions',
    '--module',
    'nodenext',
    '--ignoreConfig',
  ]
  const compile = promisify(execFile)('npx', ['tsc', ...flags, join(folder, 'program.ts')])
  expect(await compile.catch(({ stdout }: { stdout: string }) => ({ stdout }))).toMatchObject({ stdout: '' })
}, 120_000)
