import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { ownDatabase } from '../support/api-in-process.ts'
import { type ApiProcess, apiProcess } from '../support/api-process.ts'
import { watchHealth } from '../support/health-watch.ts'
import { type Schema, type WorstBody, worstBodies } from '../support/worst-bodies.ts'

const adminKey = 'an-admin-key-for-tests'
const longestAnswer = 64 * 1024
const longestWaitMs = 100
/** This machine does other things too: what is late every time is late because of the body. */
const attempts = 4

let api: ApiProcess
let health: Awaited<ReturnType<typeof watchHealth>>
beforeAll(async () => {
  const servers: Record<string, string> = inject('servers')
  api = await apiProcess({ ...servers, MONGODB_URL: ownDatabase(servers.MONGODB_URL ?? '') }, adminKey)
  await api.start()
  health = await watchHealth(api.url)
})
afterAll(async () => {
  await health?.close()
  await api?.stop()
})

type Operation = { requestBody?: { 'x-max-bytes': number; content: Record<string, { schema: Schema }> } }

async function operations() {
  const document: { paths: Record<string, Record<string, Operation>> } = await (
    await fetch(`${api.url}/openapi.json`)
  ).json()
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody }]) =>
      requestBody
        ? [
            {
              method: method.toUpperCase(),
              path: path.replace(/\{\w+\}/g, (_, at: number) => idFor(path.slice(0, at))),
              bytes: requestBody['x-max-bytes'],
              schema: requestBody.content['application/json']?.schema ?? {},
            },
          ]
        : [],
    ),
  )
}

const ulid = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
const idFor = (before: string): string =>
  before.includes('/runs/')
    ? `tsk_${ulid}.1`
    : before.includes('/data/')
      ? `dat_${ulid}`
      : before.includes('/schedules/')
        ? `sch_${ulid}`
        : before.includes('/agents/')
          ? `agt_${ulid}`
          : 'echo'

/** Milliseconds that the API's main thread was ready to run and others had the processors, as Linux counts them. */
function waitedForProcessor(): number {
  if (process.platform !== 'linux') return 0
  const { pid } = api.program
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
}

/** What is wrong with the answer, if anything is. */
async function faultOf(method: string, path: string, { what, text }: WorstBody): Promise<string[]> {
  const body = Buffer.from(text)
  let fastest = Number.POSITIVE_INFINITY
  let status = 0
  let length = 0
  for (let left = attempts; left > 0 && fastest > longestWaitMs; left -= 1) {
    const before = waitedForProcessor()
    const waited = await health.during(async () => {
      const answer = await fetch(api.url + path, {
        method,
        body,
        headers: {
          authorization: `Bearer ${adminKey}`,
          'content-type': 'application/json',
          'idempotency-key': crypto.randomUUID(),
        },
      })
      status = answer.status
      length = (await answer.arrayBuffer()).byteLength
    })
    // On a busy machine the API waits for a processor itself, which is not the fault of the body.
    fastest = Math.min(fastest, waited - (waitedForProcessor() - before))
  }
  return [
    ...(fastest > longestWaitMs ? [`${what}: /healthz waited ${Math.round(fastest)} ms`] : []),
    ...(status >= 400 && length > longestAnswer ? [`${what}: an answer of ${length} bytes`] : []),
    ...(status >= 500 ? [`${what}: ${status}`] : []),
  ]
}

test('the worst body of every request delays no other caller and is answered soon', async () => {
  const faults: string[] = []
  for (const { method, path, bytes, schema } of await operations())
    for (const body of worstBodies(schema, bytes - 200))
      for (const fault of await faultOf(method, path, body)) faults.push(`${method} ${path} ${fault}`)
  expect(faults).toEqual([])
}, 900_000)
