import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { ApiError, apiErrorOf } from './api-error.ts'
import { connect } from './client.ts'
import { readEvents } from './events.ts'
import { fromData, fromOutput, wireInputs } from './inputs.ts'

const data = 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV'
const task = 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV'
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A server that gives these answers, one after the other. */
async function serve(...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
  const seen: IncomingMessage[] = []
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const answer = answers[Math.min(seen.length, answers.length - 1)]
      seen.push(request)
      answer?.(request, response)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  closing.push(() => server.close().closeAllConnections())
  const { port } = z.object({ port: z.number() }).parse(server.address())
  return { url: `http://127.0.0.1:${port}`, seen }
}
const say =
  (status: number, body = '') =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status).end(body)
  }

describe('inputs', () => {
  test('are wrapped, so that a look-alike of a reference stays a value', () => {
    expect(
      wireInputs({
        plain: 'a',
        none: null,
        alike: { data },
        nested: { value: 1 },
        list: [{ task, output: 'o' }],
        empty: [],
        item: fromData(data),
        output: fromOutput(task, 'o'),
        items: [fromData(data), fromOutput(task, 'o')],
      }),
    ).toEqual({
      plain: { value: 'a' },
      none: { value: null },
      alike: { value: { data } },
      nested: { value: { value: 1 } },
      list: { value: [{ task, output: 'o' }] },
      empty: { value: [] },
      item: { data },
      output: { task, output: 'o' },
      items: [{ data }, { task, output: 'o' }],
    })
  })
})

describe('server-sent events', () => {
  const events = async (...chunks: (string | Uint8Array)[]) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks)
          controller.enqueue(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk)
        controller.close()
      },
    })
    return Array.fromAsync(readEvents(body))
  }

  test('are read whatever the chunks, line ends and comments', async () => {
    const one = { event: 'log', id: '7', data: 'a: ü\nb' }
    const text = ': comment\r\nevent: log\r\nid: 7\r\ndata: a: ü\r\ndata:b\r\n\r\n'
    expect(await events(text)).toEqual([one])
    expect(await events(text.replaceAll('\r', ''))).toEqual([one])
    const bytes = new TextEncoder().encode(text)
    expect(await events(...Array.from(bytes, (byte) => new Uint8Array([byte])))).toEqual([one])
  })

  test('without data, or cut off before their end, are none', async () => {
    expect(await events(': ping\n\n', 'event: x\n\n', 'data: 1\n\n', 'data: cut')).toEqual([
      { event: 'message', id: undefined, data: '1' },
    ])
  })
})

describe('an answer', () => {
  test('of success without its content is an error that names the call', async () => {
    const { url } = await serve(say(200), say(200, '<h1>Welcome</h1>'))
    const client = connect({ url, key: 'k' })
    await expect(client.task(task)).rejects.toThrow('GET /api/tasks/{id} answered 200 without JSON: ""')
    await expect(client.task(task)).rejects.toThrow('without JSON: "<h1>Welcome</h1>"')
  })
})

describe('the address of an installation', () => {
  test('may be relative in a page', async () => {
    const { url, seen } = await serve(say(200, JSON.stringify({ task: { id: task } })))
    vi.stubGlobal('location', new URL(`${url}/app/index.html`))
    try {
      await connect({ url: '/millrace/', key: 'k' }).task(task)
    } finally {
      vi.unstubAllGlobals()
    }
    expect(seen[0]?.url).toBe(`/millrace/api/tasks/${task}`)
  })

  test('is refused at once where it leads nowhere', () => {
    expect(() => connect({ url: '/millrace', key: 'k' })).toThrow(
      'url is "/millrace". Give the whole address, such as "https://millrace.example".',
    )
  })
})

describe('a refusal', () => {
  test('is an ApiError with status, code, request id and faults', async () => {
    const problem = {
      type: 't',
      title: 't',
      status: 422,
      code: 'invalid_request',
      detail: 'so it is',
      requestId: 'r',
      errors: [{ path: '/a', message: 'm' }],
    }
    const { url, seen } = await serve(say(422, JSON.stringify(problem)))
    const client = connect({ url: `${url}/`, key: 'secret' })
    const error = await client
      .createTask({ module: 'm', inputs: { a: 1 } }, 'once')
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 422, code: 'invalid_request', message: 'so it is', requestId: 'r' })
    expect(error).toMatchObject({ errors: problem.errors })
    expect(seen[0]).toMatchObject({ url: '/api/tasks', method: 'POST' })
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer secret', 'idempotency-key': 'once' })
  })

  test('of a program in between is reported as it came', async () => {
    expect(await apiErrorOf(new Response('<h1>Bad gateway</h1>', { status: 502 }))).toMatchObject({
      status: 502,
      code: 'unknown',
      message: '502 <h1>Bad gateway</h1>',
    })
  })
})
