import { Hono } from 'hono'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import type { Env } from './env.ts'
import { answerEvents, type Events, eventText, idText } from './event-stream.ts'

let mayRead = true

async function open(events: (signal: AbortSignal) => Events, pace: Parameters<typeof answerEvents>[2]) {
  const app = new Hono<Env>()
  app.get('/', (c) => {
    c.set('logger', pino({ level: 'silent' }))
    c.set('stillAllowed', async () => mayRead)
    c.set('budget', { take: () => undefined, openStream: () => () => undefined })
    return answerEvents(c, events, pace)
  })
  const { body } = await app.request('/')
  if (!body) throw new Error('no body')
  const reader = body.getReader()
  const decoder = new TextDecoder()
  return {
    reader,
    async next() {
      const { done, value } = await reader.read()
      return done ? null : decoder.decode(value)
    },
  }
}

const patient = { commentMs: 60_000, stalledMs: 60_000 }
const forever = () => new Promise<never>(() => undefined)

describe('a stream of events', () => {
  test('ends when its reader loses permission', async () => {
    const stream = await open(
      async function* (signal) {
        while (!signal.aborted) {
          yield idText('1')
          await new Promise((done) => setTimeout(done, 5))
        }
      },
      { commentMs: 20, stalledMs: 60_000 },
    )
    expect(await stream.next()).toBe(': millrace\n\n')
    expect(await stream.next()).toBe('id: 1\n\n')
    mayRead = false
    let last: string | null = ''
    while (last !== null) last = await stream.next()
    mayRead = true
  })

  test('begins with a comment, sends the events of its source, and ends with it', async () => {
    const stream = await open(async function* () {
      yield eventText({ event: 'log', id: '1', data: { line: 'a\nb' } })
      yield eventText({ data: 2 })
    }, patient)
    expect([await stream.next(), await stream.next(), await stream.next(), await stream.next()]).toEqual([
      ': millrace\n\n',
      'event: log\nid: 1\ndata: {"line":"a\\nb"}\n\n',
      'data: 2\n\n',
      null,
    ])
  })

  test('produces the next event only after the reader took the last one', async () => {
    let made = 0
    const stream = await open(
      async function* () {
        for (;;) {
          made += 1
          yield `data: ${made}\n\n`
        }
      },
      { commentMs: 60_000, stalledMs: 60_000 },
    )
    expect(made).toBe(1)
    for (let taken = 0; taken < 3; taken += 1) await stream.next()
    expect(made).toBe(2)
    await stream.reader.cancel()
  })

  test('sends a comment while nothing happens', async () => {
    const stream = await open(
      async function* () {
        await forever()
        yield ''
      },
      { ...patient, commentMs: 10 },
    )
    for (let comments = 0; comments < 3; comments += 1) expect(await stream.next()).toBe(': millrace\n\n')
  })

  test('ends its source when the reader disconnects, even while the source waits', async () => {
    const ended = Promise.withResolvers<string>()
    const stream = await open(async function* (signal) {
      try {
        yield 'data: 1\n\n'
        await new Promise<void>((heard) => signal.addEventListener('abort', () => heard()))
      } finally {
        ended.resolve('ended')
      }
    }, patient)
    await stream.next()
    await stream.next()
    void stream.next()
    await stream.reader.cancel()
    expect(await ended.promise).toBe('ended')
  })

  test('closes when the reader takes nothing for too long', async () => {
    const ended = Promise.withResolvers<string>()
    const stream = await open(
      async function* () {
        try {
          for (;;) yield 'data: 1\n\n'
        } finally {
          ended.resolve('ended')
        }
      },
      { ...patient, stalledMs: 20 },
    )
    await stream.next()
    expect(await ended.promise).toBe('ended')
    await expect(stream.next()).rejects.toThrow('stalled')
  })

  test('ends when its source fails; the reader reconnects with the last id', async () => {
    const stream = await open(async function* () {
      yield 'data: 1\n\n'
      throw new Error('the database is away')
    }, patient)
    expect([await stream.next(), await stream.next(), await stream.next()]).toEqual([
      ': millrace\n\n',
      'data: 1\n\n',
      null,
    ])
  })
})
