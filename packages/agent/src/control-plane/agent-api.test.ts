import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createAgentApi } from './agent-api.ts'
import { ApiClock } from './api-clock.ts'

let server: Server
let url: string
let answer: (request: IncomingMessage, body: string, response: ServerResponse) => void
beforeEach(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => answer(request, Buffer.concat(chunks).toString(), response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  url = `http://127.0.0.1:${address.port}`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const sessionId = 'ses_01ARZ3NDEKTSV4RRFFQ69G5FAV' as const
const claim = () =>
  createAgentApi({ url, key: 'secret', clock: new ApiClock(pino({ level: 'silent' })), ttlSeconds: 1.2 })
    .under((send) => send(sessionId))
    .claim('claim-id', [], 0, new AbortController().signal)
const problem = (code: string, status: number) =>
  JSON.stringify({ type: 'about:blank', title: 't', status, code, detail: 'd', requestId: 'r' })

test('the key travels in the header, the body as JSON', async () => {
  let seen: unknown
  answer = (request, body, response) => {
    seen = [request.method, request.url, request.headers.authorization, JSON.parse(body)]
    response.end('{"grant":null}')
  }
  expect(await claim()).toEqual({ grant: null })
  expect(seen).toEqual([
    'POST',
    '/agent/v1/claim',
    'Bearer secret',
    { sessionId, claimId: 'claim-id', offers: [], wait: 0 },
  ])
})

test('204 means no work', async () => {
  answer = (_, __, response) => response.writeHead(204).end()
  expect(await claim()).toBeNull()
})

test.each([
  [409, 'session_expired', { name: 'ApiRefused', status: 409, code: 'session_expired' }],
  [422, 'invalid_request', { name: 'ApiRefused', status: 422, code: 'invalid_request' }],
  [500, 'internal', { name: 'ApiAway' }],
  [429, 'rate_limited', { name: 'ApiAway' }],
])('%i %s', async (status, code, expected) => {
  answer = (_, __, response) => response.writeHead(status).end(problem(code, status))
  await expect(claim()).rejects.toMatchObject(expected)
})

test("a proxy's rejection has no problem code", async () => {
  answer = (_, __, response) => response.writeHead(413).end('<html>too large</html>')
  await expect(claim()).rejects.toMatchObject({ name: 'ApiRefused', status: 413, code: null })
})

test('Retry-After is passed on', async () => {
  answer = (_, __, response) =>
    response.writeHead(503, { 'retry-after': '7' }).end(problem('unavailable', 503))
  await expect(claim()).rejects.toMatchObject({ name: 'ApiAway', retryAfterMs: 7000 })
})

test('a dead keep-alive connection fails one request, and the other idle ones are dropped', async () => {
  const connections = new Set<number | undefined>()
  let isDead = false
  answer = (request, __, response) => {
    connections.add(request.socket.remotePort)
    if (!isDead) setTimeout(() => response.end('{"grant":null}'), 50)
  }
  await Promise.all(Array.from({ length: 5 }, claim))
  expect(connections.size).toBe(5)
  isDead = true
  await expect(claim()).rejects.toMatchObject({ name: 'ApiAway' })
  isDead = false
  await claim()
  expect(connections.size).toBe(6)
})

test.each<[string, (response: ServerResponse) => void]>([
  ['a cut connection', (response) => response.destroy()],
  [
    'half an answer',
    (response) => response.writeHead(200, { 'content-length': 99 }).write('{', () => response.destroy()),
  ],
  ['silence', () => undefined],
  [
    'an answer that trickles',
    (response) => {
      response.writeHead(200, { 'content-length': 99_999 })
      const timer = setInterval(() => response.write(' '), 50)
      response.once('close', () => clearInterval(timer))
    },
  ],
  ['another shape', (response) => response.end('{"grant":7}')],
  ['no JSON', (response) => response.end('<html>')],
  ['a redirect', (response) => response.writeHead(302, { location: '/' }).end()],
])('%s means: retry', async (_, act) => {
  answer = (_request, _body, response) => act(response)
  await expect(claim()).rejects.toMatchObject({ name: 'ApiAway' })
})
