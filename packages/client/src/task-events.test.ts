import { createServer, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { connect } from './client.ts'

const task = 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV'
const at = '2026-11-21T00:00:00.000Z'
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A server with one answer after the other, which writes down where each reader says it is. */
async function serve(...answers: ((response: ServerResponse) => void)[]) {
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers['last-event-id']?.toString())
    answers[asked.length - 1]?.(response)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  closing.push(() => server.close().closeAllConnections())
  const { port } = z.object({ port: z.number() }).parse(server.address())
  return { client: connect({ url: `http://127.0.0.1:${port}`, key: 'k' }), asked }
}
const stream = (response: ServerResponse, ...blocks: string[]) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(`: millrace\n\n${blocks.map((block) => `${block}\n\n`).join('')}`)
}
const block = (event: string, id: string, data: object) =>
  `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}`
const state = (id: string, status: string) =>
  block('state', id, { taskId: task, status, attempt: 1, runId: null, at })
const log = (id: string, n: number) =>
  block('log', id, { runId: `${task}.1`, n, at, stream: 'stdout', line: 'a' })

describe('the events of a task', () => {
  test('continue after a broken connection, from the last one seen, to the end', async () => {
    const { client, asked } = await serve(
      (response) => {
        stream(response, state('1.0.0', 'blocked'), log('1.1.1', 1))
        setImmediate(() => setImmediate(() => response.destroy()))
      },
      (response) => response.writeHead(503).end(),
      (response) => {
        stream(response, log('1.1.2', 2))
        response.end('event: unknown\ndata: {}\n\n')
      },
      (response) => response.writeHead(204).end(),
    )
    const seen = []
    for await (const told of client.events(task)) seen.push([told.event, told.id])
    expect(seen).toEqual([
      ['state', '1.0.0'],
      ['log', '1.1.1'],
      ['log', '1.1.2'],
    ])
    expect(asked).toEqual([undefined, '1.1.1', '1.1.1', '1.1.2'])
  })

  test('throw what is refused, at once', async () => {
    const { client, asked } = await serve((response) =>
      response.writeHead(404).end(JSON.stringify({ code: 'not_found', detail: 'no task' })),
    )
    await expect(client.events(task, { lastEventId: '4.1.2' }).next()).rejects.toMatchObject({
      code: 'not_found',
    })
    expect(asked).toEqual(['4.1.2'])
  })

  test('end when their reader has had enough', async () => {
    const { client } = await serve((response) => stream(response, state('1.0.0', 'blocked')))
    const enough = new AbortController()
    const events = client.events(task, { signal: enough.signal })
    expect((await events.next()).value).toMatchObject({ event: 'state' })
    enough.abort()
    await expect(events.next()).rejects.toThrow('aborted')
  })
})

test('changes say when some may have been missed', async () => {
  const change = { kind: 'task', id: task, status: 'queued', updatedAt: at }
  const { client, asked } = await serve(
    (response) => {
      stream(response, 'id: a-1', `id: a-2\ndata: ${JSON.stringify(change)}`)
      response.end()
    },
    (response) => stream(response, block('resync', 'b-0', {})),
  )
  const changes = client.changes()
  expect((await changes.next()).value).toEqual({ id: 'a-2', event: 'change', change })
  expect((await changes.next()).value).toEqual({ id: 'b-0', event: 'resync' })
  expect(asked).toEqual([undefined, 'a-2'])
  await changes.return(undefined)
})
