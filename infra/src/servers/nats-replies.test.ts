import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type NatsWithStreams, startNatsWithStreams } from '../../fixtures/nats-streams.ts'

// nats-server checks the permission to publish for the subject of a request, never for the reply that it names.

vi.setConfig({ testTimeout: 20_000, hookTimeout: 120_000 })

let nats: NatsWithStreams
let agent: NatsConnection
let heard: string[] = []
const refused: string[] = []

beforeAll(async () => {
  nats = await startNatsWithStreams()
  agent = await nats.connectAgent()
  void collectRefusals(agent)
  for (const module of ['faces', 'other', 'idle']) await nats.makeConsumer(module)
  for (const line of [1, 2, 3]) await nats.ask('log.agt_2.tsk_2.1', { line })
  for (const token of [1, 2, 3]) await nats.ask('work.other', { token })
  nats.api.subscribe('>', {
    callback: (_error, { subject, reply }) => {
      // A token that is handed out carries the subject under which the API published it.
      if (!reply?.startsWith('$JS.ACK.')) heard.push(subject)
    },
  })
  await nats.api.flush()
})
afterAll(() => nats?.close())
beforeEach(() => {
  heard = []
})

const token = { v: 1, module: 'faces' }
const faces = '$JS.API.CONSUMER.MSG.NEXT.WORK.faces'
const requests: [title: string, subject: string, body: string][] = [
  ['a look at a consumer', '$JS.API.CONSUMER.INFO.WORK.faces', ''],
  ['a look at no consumer', '$JS.API.CONSUMER.INFO.WORK.nosuch', ''],
  ['a pull that finds nothing', '$JS.API.CONSUMER.MSG.NEXT.WORK.idle', '{"batch":1,"no_wait":true}'],
  ['a pull that expires', '$JS.API.CONSUMER.MSG.NEXT.WORK.idle', '{"batch":1,"expires":1000000}'],
  ['a pull that is malformed', '$JS.API.CONSUMER.MSG.NEXT.WORK.idle', 'no JSON'],
  ['a pull that gets a token', faces, '{"batch":1,"no_wait":true}'],
  ['a pull that waits for a token', faces, '{"batch":3,"expires":1000000000}'],
  ['a line', 'log.agt_1.tsk_1.1', '{}'],
  ['an ack', '$JS.ACK.WORK.other.1.99.99.1.0', '+ACK'],
  ['an ack that asks for more', '$JS.ACK.WORK.idle.1.99.99.1.0', '+NXT {"batch":1,"no_wait":true}'],
]
const forbidden = [
  'work.faces',
  'work.other',
  'work.nosuch',
  'event.task.tsk_1',
  'agent.agt_2.command',
  '_INBOX.another',
  '$JS.API.INFO',
  '$JS.API.STREAM.PURGE.WORK',
  '$JS.API.STREAM.PURGE.LOGS',
  '$JS.API.STREAM.DELETE.WORK',
  '$JS.API.STREAM.DELETE.LOGS',
  '$JS.API.STREAM.MSG.DELETE.WORK',
  '$JS.API.STREAM.MSG.DELETE.LOGS',
  '$JS.API.STREAM.MSG.GET.LOGS',
  '$JS.API.STREAM.CREATE.MINE',
  '$JS.API.CONSUMER.DELETE.WORK.other',
  '$JS.API.CONSUMER.PAUSE.WORK.other',
  '$JS.API.CONSUMER.CREATE.LOGS',
  '$JS.ACK.WORK.other.1.1.1.1.0',
]

describe('no answer reaches what an agent may not publish, for', () => {
  it.each(requests)('%s', async (_title, subject, body) => {
    await nats.ask('work.faces', token)
    const before = await state()
    heard = []
    for (const reply of forbidden) agent.publish(subject, body, { reply })
    await roundTrip()
    expect(heard.filter((it) => forbidden.includes(it))).toEqual([])
    expect(await state()).toEqual(before)
  })
})

it('an agent traces no message to what it may not publish', async () => {
  const before = await state()
  const untraceable = forbidden.filter((subject) => !subject.startsWith('$JS.ACK.'))
  for (const dest of untraceable) {
    const traced = headers()
    traced.set('Nats-Trace-Dest', dest)
    agent.publish('log.agt_1.tsk_1.1', '{}', { headers: traced })
  }
  await roundTrip()
  expect(heard.filter((it) => forbidden.includes(it))).toEqual([])
  for (const dest of untraceable)
    expect(refused).toContain(`permissions violation for publish to "${dest.toLowerCase()}"`)
  expect(await state()).toEqual(before)
})

it('an agent removes no lines by headers', async () => {
  const before = await state()
  for (const [name, value] of [
    ['Nats-Rollup', 'all'],
    ['Nats-Rollup', 'sub'],
    ['Nats-TTL', '1s'],
  ] as const) {
    const set = headers()
    set.set(name, value)
    agent.publish('log.agt_2.tsk_2.1', '{}', { headers: set })
  }
  await roundTrip()
  expect(await state()).toEqual(before)
})

it('what an agent makes other agents hear is no command: a status, a consumer, a receipt or a token', async () => {
  const other = await nats.connectAgent()
  const messages: Msg[] = []
  other.subscribe('agent.agt_2.command', {
    callback: (_error, message) => {
      messages.push(message)
    },
  })
  await other.flush()
  const reply = 'agent.agt_2.command'
  await vi.waitFor(async () => {
    for (const [, subject, body] of requests) agent.publish(subject, body, { reply })
    await nats.ask('work.faces', token)
    expect(kinds(messages)).toEqual(['consumer', 'receipt', 'status', 'token'])
  }, 10_000)
  expect(heard).not.toContain(reply)
})

it('an agent can acknowledge the tokens of other modules', async () => {
  const inbox = agent.subscribe('_INBOX_agent.taken', { max: 1 })
  agent.publish('$JS.API.CONSUMER.MSG.NEXT.WORK.other', '{"batch":1}', { reply: '_INBOX_agent.taken' })
  const [token] = await Array.fromAsync(inbox)
  if (!token?.reply) throw new Error('a token says where to acknowledge it')
  await agent.request(token.reply, '+TERM')
  expect(await state()).toMatchObject({ work: { 'work.other': 2 } })
})

/** What an agent must not change: all but its own lines. Tokens that were handed out count until they are acknowledged. */
async function state() {
  const all = { subjects_filter: '>' }
  type Stream = { state: { subjects?: Record<string, number>; first_seq: number } }
  const [work, logs] = [
    await nats.ask<Stream>('$JS.API.STREAM.INFO.WORK', all),
    await nats.ask<Stream>('$JS.API.STREAM.INFO.LOGS', all),
  ]
  const { streams } = await nats.ask<{ streams: string[] }>('$JS.API.STREAM.NAMES')
  const consumers = (stream: string) =>
    nats.ask<{ consumers: { name: string; config: object; paused?: boolean }[] }>(
      `$JS.API.CONSUMER.LIST.${stream}`,
    )
  return {
    streams,
    work: work.state.subjects,
    logs: { from: logs.state.first_seq, others: logs.state.subjects?.['log.agt_2.tsk_2.1'] },
    consumers: (await consumers('WORK')).consumers.map(({ name, config }) => ({ name, config })),
    readers: (await consumers('LOGS')).consumers.length,
  }
}

/** Requests of the same kinds that come after those of a test are answered after them. */
async function roundTrip(): Promise<void> {
  await agent.flush()
  await agent.request('$JS.API.CONSUMER.INFO.WORK.faces', '')
  for (const module of ['idle', 'faces']) {
    const inbox = `_INBOX_agent.${module}`
    const answer = agent.subscribe(inbox, { max: 1 })
    agent.publish(`$JS.API.CONSUMER.MSG.NEXT.WORK.${module}`, '{"batch":0,"no_wait":true', { reply: inbox })
    await Array.fromAsync(answer)
  }
  await agent.request('log.agt_1.tsk_1.1', '{}')
  await nats.api.flush()
}

function kinds(messages: Msg[]): string[] {
  const kind = (message: Msg) => {
    if (message.string() === '') return 'status'
    const body = message.json<{ type?: string; stream?: string; module?: string }>()
    if (body.type === 'io.nats.jetstream.api.v1.consumer_info_response') return 'consumer'
    if (body.stream === 'LOGS') return 'receipt'
    return body.module === 'faces' ? 'token' : message.string()
  }
  return [...new Set(messages.map(kind))].sort()
}

async function collectRefusals(connection: NatsConnection) {
  for await (const status of connection.status())
    if (status.type === 'error') refused.push(status.error.message.toLowerCase())
}
