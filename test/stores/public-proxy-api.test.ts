import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { get } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { sendRaw } from '../support/forged-request.ts'
import { type PublicProxy, startPublic } from '../support/public-proxy.ts'
import { until } from '../support/until.ts'

describe('TLS between clients and the API', () => {
  let stub: Server
  let open: PublicProxy
  let answer: (request: IncomingMessage, response: ServerResponse) => void

  beforeAll(async () => {
    stub = createServer((request, response) => answer(request, response))
    await new Promise<void>((done) => stub.listen(0, '127.0.0.1', done))
    const { port } = z.object({ port: z.number() }).parse(stub.address())
    answer = (_, response) => response.end('ready')
    open = await startPublic(`127.0.0.1:${port}`, `127.0.0.1:${port}`)
  })
  afterAll(async () => {
    await open?.caddy.stop()
    stub.closeAllConnections()
    stub.close()
  })

  test('HTTP redirects to HTTPS, and answers carry security headers', async () => {
    const { status, headers } = await sendRaw(`http://localhost:${open.caddy.ports[0]}/docs`, {
      method: 'GET',
    })
    expect([status, headers.location]).toEqual([308, 'https://localhost/docs'])
    expect((await open.send(open.site, { method: 'GET' })).headers).toMatchObject({
      'strict-transport-security': 'max-age=31536000',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    })
  })

  test('the log masks tickets', async () => {
    await open.send(`${open.site}/api/data/dat_1/content?ticket=a-secret-ticket&a=1`, { method: 'GET' })
    const line = await until('the request in the log', 10, () =>
      open.caddy.lines.find((one) => one.includes('/api/data/dat_1/content')),
    )
    expect(line).toMatch(/content\?a=1&ticket=/)
    expect(line).not.toContain('a-secret-ticket')
  })

  test('bodies and headers are limited', async () => {
    let arrived = 0
    answer = (request, response) => {
      request.on('data', (bytes: Buffer) => {
        arrived += bytes.length
      })
      request.on('end', () => response.end('all of it'))
    }
    const post = (size: number) => open.send(open.site, { method: 'POST', body: Buffer.alloc(size) })
    expect(await post(16 * 1024 * 1024)).toMatchObject({ status: 200, body: 'all of it' })
    arrived = 0
    const tooMuch = await post(18 * 1024 * 1024).catch((error: Error) => error)
    expect(tooMuch).not.toMatchObject({ status: 200 })
    expect(arrived).toBeLessThanOrEqual(17 * 1024 * 1024)
    const long = await open.send(open.site, { method: 'GET', headers: { 'x-long': 'a'.repeat(40_000) } })
    expect(long.status).toBe(431)
  })

  test('events arrive without buffering, and the API sees the reader disconnect', async () => {
    let left = false
    answer = (_, response) => {
      response.once('close', () => {
        left = true
      })
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: first\n\n')
    }
    const { port } = new URL(open.site)
    const received: string[] = []
    const reader = get(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        ca: open.ca,
        headers: { host: `localhost:${port}` },
      },
      (stream) => {
        stream.on('data', (bytes: Buffer) => received.push(bytes.toString()))
        stream.on('error', () => undefined)
      },
    )
    reader.on('error', () => undefined)
    await until('the first event', 5, () => received.join('') === 'data: first\n\n')
    expect(left).toBe(false)
    reader.destroy()
    await until('the API to see the disconnect', 5, () => left)
  })

  test('a request may wait longer than a long poll of 60 s', async () => {
    answer = async (_, response) => {
      await pause(65_000)
      response.end('at last')
    }
    expect(await open.send(open.site, { method: 'GET' })).toMatchObject({ status: 200, body: 'at last' })
  })
})
