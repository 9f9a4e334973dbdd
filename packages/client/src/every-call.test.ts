import { createServer } from 'node:http'
import { contractEntries } from '@millrace/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from './client.ts'

let url: string
const asked = new Set<string>()
const part = { partNumber: 1, headers: {} }

/** Takes every call, and answers in such a way that an upload goes on to its end. */
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const { pathname } = new URL(request.url ?? '', url)
    asked.add(`${request.method} ${pathname}`)
    if (pathname.endsWith('/events')) return response.writeHead(204).end()
    const upload = { kind: 'multipart' }
    const parts = [{ ...part, url: `${url}/store` }]
    response.end(
      JSON.stringify({ data: { id: 'x' }, upload, partSize: 1, partCount: 1, uploaded: [], parts }),
    )
  })
})
beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  url = `http://127.0.0.1:${address.port}`
})
afterAll(() => {
  server.close().closeAllConnections()
})

/** What a method is called with that takes no id and an object. */
const wanted: Record<string, unknown[][]> = {
  createTasks: [[[{ ref: 'a', module: 'm' }]]],
  createTask: [[{ module: 'm' }]],
  uploadFile: [[new Blob(['a'])], [new Blob(['a']), { resume: 'x' }]],
  upload: [[{ name: 'a', contentType: 'text/plain', bytes: new Uint8Array(1) }]],
  redeliver: [[{ id: 'x', webhookId: 'x' }]],
  follow: [['x']],
  send: [],
}

test('every call of the contract but those of agents has a method, and no method calls anything else', async () => {
  const client = connect({ url, key: 'k' })
  for (const [name, method] of Object.entries(client))
    for (const given of wanted[name] ?? [['x', {}]]) {
      const told: unknown = Reflect.apply(method, client, given)
      if (isStream(told)) await Array.fromAsync(told)
      else await Promise.resolve(told).catch(() => undefined) // the answer is none of this call
    }
  const calls = contractEntries
    .filter(([, call]) => call.scope !== 'agent')
    .map(([, { method, path }]) => `${method} ${path.replaceAll(/\{\w+\}/g, 'x')}`)
  asked.delete('PUT /store')
  asked.delete('GET /undefined') // the file of a download
  expect([...asked].sort()).toEqual(calls.sort())
})

const isStream = (told: unknown): told is AsyncIterable<unknown> =>
  typeof told === 'object' && told !== null && Symbol.asyncIterator in told
