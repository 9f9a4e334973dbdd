import { createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { post } from './post.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A receiver that answers with these very bytes, or does with its connection what it likes. */
async function receiver(behave: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('data', () => behave(socket))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return z.object({ port: z.number() }).parse(server.address()).port
}

const send = (port: number, host = 'hook.example', more: object = {}) =>
  post(`http://${host}:${port}/in`, {}, '{}', {
    allowPrivate: true,
    resolve: async () => ['127.0.0.1'],
    ...more,
  })
const status = (line: string) => `HTTP/1.1 ${line}\r\nContent-Length: 0\r\n\r\n`

describe('what a receiver answers', () => {
  test.each([
    [status('200 OK'), { status: 200, error: null }],
    [status('204 No Content'), { status: 204, error: null }],
    [`${status('102 Processing')}${status('200 OK')}`, { status: 200, error: null }],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nand so on', { status: 200, error: null }],
    [status('301 Moved'), { status: 301, error: 'redirects are not followed (301)' }],
    [status('404 No'), { status: 404, error: 'answered 404' }],
    [status('503 No'), { status: 503, error: 'answered 503' }],
  ])('%j', async (answer, outcome) => {
    const port = await receiver((socket) => socket.end(answer))
    expect(await send(port)).toEqual(outcome)
  })

  test.each([
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'nonsense\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1_000_000)}\r\n\r\n`,
    '',
  ])('that is none is a failure with a reason, and never waited for: %#', async (answer) => {
    const port = await receiver((socket) => socket.end(answer))
    expect(await send(port)).toEqual({ status: null, error: expect.stringMatching(/.{5}/) })
  })

  test('that does not come, or of which no line is ever over, is waited for 15 s and no longer', async () => {
    const wait = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      expect(ms).toBe(15_000)
      const soon = new AbortController()
      setTimeout(() => soon.abort(new DOMException('over', 'TimeoutError')), 300)
      return soon.signal
    })
    const silent = await receiver(() => undefined)
    const dripping = await receiver((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nX: ')
      const timer = setInterval(() => socket.write('x'), 10)
      socket.on('close', () => clearInterval(timer))
    })
    const unresolved = { resolve: () => new Promise<string[]>(() => undefined) }
    const outcome = { status: null, error: 'no answer within 15 s' }
    expect(await send(silent)).toEqual(outcome)
    expect(await send(dripping)).toEqual(outcome)
    expect(await send(silent, 'hook.example', unresolved)).toEqual(outcome)
    wait.mockRestore()
  })
})

describe('the connection', () => {
  test('goes to what the name was resolved to, once', async () => {
    const heard: string[] = []
    const port = await receiver((socket) => socket.end(status('200 OK')))
    const resolve = async (host: string) => {
      heard.push(host)
      return heard.length === 1 ? ['127.0.0.1'] : ['127.9.9.9']
    }
    expect(await send(port, 'hook.example', { resolve })).toEqual({ status: 200, error: null })
    expect(heard).toEqual(['hook.example'])
  })

  test('takes another address where one does not answer', async () => {
    const port = await receiver((socket) => socket.end(status('200 OK')))
    const resolve = async () => ['::1', '127.0.0.1']
    expect(await send(port, 'hook.example', { resolve })).toEqual({ status: 200, error: null })
  })

  test('is not made to a private address, by whatever way it came', async () => {
    let calls = 0
    const port = await receiver((socket) => {
      calls += 1
      socket.end(status('200 OK'))
    })
    const strict = { allowPrivate: false, resolve: async () => ['127.0.0.1'] }
    expect(await send(port, 'hook.example', strict)).toEqual({
      status: null,
      error: 'hook.example leads to the private address 127.0.0.1',
    })
    expect((await send(port, '127.0.0.1', strict)).error).toMatch(/private/)
    expect((await send(port, 'localhost', strict)).error).toMatch(/private/)
    expect(calls).toBe(0)
  })

  test('that cannot be made says why', async () => {
    const port = await receiver(() => undefined)
    for (const close of closing.splice(0)) close()
    expect((await send(port)).error).toMatch(/ECONNREFUSED/)
    const unknown = { resolve: () => Promise.reject(new Error('getaddrinfo ENOTFOUND hook.example')) }
    expect((await send(port, 'hook.example', unknown)).error).toMatch(/ENOTFOUND/)
  })
})
