import { findForged, readConfig } from '@millrace/api'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { observe } from '../../infra/fixtures/store/capability.ts'
import { adminKey, ownDatabase } from '../support/api-in-process.ts'
import { apiEntry, apiProcess } from '../support/api-process.ts'
import { cuttable } from '../support/cuttable.ts'
import { ownMinio } from '../support/own-store.ts'
import { type Program, startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'

let minio: Awaited<ReturnType<typeof ownMinio>>
let port: number
beforeAll(async () => {
  minio = await ownMinio()
  port = Number(new URL(minio.env.S3_ENDPOINT ?? '').port)
})
afterAll(() => minio?.close())

const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0)) await end()
})

const environment = (more: Record<string, string> = {}): Record<string, string> => {
  const servers = { ...inject('servers'), ...minio.env }
  return { ...servers, MONGODB_URL: ownDatabase(servers.MONGODB_URL ?? ''), PORT: '0', ...more }
}
const offLoopback = () => ({ S3_ENDPOINT: `http://0.0.0.0:${port}` })

function start(more: Record<string, string>): Program {
  const program = startProgram(apiEntry, { ...environment(more), MILLRACE_ADMIN_KEY: adminKey })
  ending.push(() => program.stop())
  return program
}

async function served(more: Record<string, string>) {
  const api = await apiProcess(environment(more), adminKey)
  ending.push(() => api.stop())
  await api.start()
  const readyz = async () =>
    z.record(z.string(), z.string()).parse(await (await fetch(`${api.url}/readyz`)).json())
  return { api, readyz }
}

const warnings = ({ lines }: Program) =>
  lines.filter((line) => line.includes('FORGED') && line.includes('"level":40'))

test('the check finds what MinIO accepts, at the level of bytes', async () => {
  observe('MinIO', 'forged requests refused', false)
  const { objects } = readConfig(environment())
  const [findings] = await findForged(objects, 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV')
  const changed = findings?.accepted.filter(
    ({ evidence }) => evidence === 'answered 200; the object was changed',
  )
  expect(changed?.map(({ request }) => request)).toEqual([
    'PUT with an unsigned trailer and the key id of the manage user',
    'PUT with an unsigned trailer and the key id of the upload user',
    'PUT with an unsigned trailer and nothing but a key id',
    'PUT with an unsigned trailer that holds a checksum',
    'PUT with an archive to unpack',
  ])
  expect(findings?.accepted.slice(changed?.length)).toEqual([
    {
      request: 'PUT with an unsigned trailer, as part of an upload',
      evidence: 'answered 200; the part was stored',
    },
    {
      request: 'presigned PUT with the headers of a replicated, encrypted object',
      evidence: expect.stringMatching(/^answered 200; the object cannot be read/),
    },
  ])
})

test('off loopback the API does not start: it exits with code 1 and says why, and what to do', async () => {
  const api = start(offLoopback())
  expect(await api.ended).toEqual({ code: 1, signal: null })
  const said = api.lines.join('\n')
  expect(said).toContain('The object store accepts forged requests, so the API does not start')
  expect(said).toContain(
    `http://0.0.0.0:${port}: PUT with an unsigned trailer and the key id of the upload user`,
  )
  expect(said).toContain('S3_ALLOW_UNSAFE=1')
  expect(said).not.toContain('listening')
})

test('a public endpoint off loopback counts as well', async () => {
  const api = start({ S3_PUBLIC_ENDPOINT: `http://0.0.0.0:${port}` })
  expect((await api.ended).code).toBe(1)
})

test('on loopback it serves, warns, and says so in /readyz', async () => {
  const { api, readyz } = await served({})
  await until('the check is over', 20, async () => (await readyz()).s3Safety !== 'checking')
  expect(await readyz()).toMatchObject({ mongodb: 'ok', s3: 'ok' })
  expect((await readyz()).s3Safety).toMatch(/^unsafe: /)
  await until('the warning', 5, () => warnings(api.program).length === 1)
})

test('with S3_ALLOW_UNSAFE=1 it serves off loopback too, and warns', async () => {
  const { api, readyz } = await served({ ...offLoopback(), S3_ALLOW_UNSAFE: '1' })
  expect((await readyz()).s3Safety).toMatch(/^allowed: /)
  await until('the warning', 5, () => warnings(api.program).length === 1)
})

test('while the store is away it serves; when the store comes back and is unsafe, it exits', async () => {
  const way = await cuttable(`http://127.0.0.1:${port}`)
  ending.push(async () => way.close())
  way.cut()
  const { api, readyz } = await served({ S3_ENDPOINT: way.url.replace('127.0.0.1', '0.0.0.0') })
  expect((await readyz()).s3Safety).toMatch(/^checking: /)
  way.mend()
  expect(await api.program.ended).toEqual({ code: 1, signal: null })
  expect(api.program.lines.join('\n')).toContain('The object store accepts forged requests')
})
