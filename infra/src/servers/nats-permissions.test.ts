import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type NatsWithStreams, startNatsWithStreams } from '../../fixtures/nats-streams.ts'

vi.setConfig({ testTimeout: 20_000, hookTimeout: 120_000 })

let nats: NatsWithStreams
let agent: NatsConnection
const refused: string[] = []

beforeAll(async () => {
  nats = await startNatsWithStreams()
  agent = await nats.connectAgent()
  void collectRefusals(agent)
  await nats.makeConsumer('faces')
})

afterAll(() => nats?.close())

describe('an agent may', () => {
  it('look at a consumer, pull a token and acknowledge it', async () => {
    await nats.ask('work.faces', { v: 1 })
    // The consumer hears of a message a moment after its publication was acknowledged.
    await vi.waitFor(async () => {
      const info = await agent.request('$JS.API.CONSUMER.INFO.WORK.faces', '')
      expect(info.json()).toMatchObject({ name: 'faces', num_pending: 1 })
    }, 5000)
    // A token comes under its own subject, which the client's shared inbox would not recognise.
    const inbox = agent.subscribe('_INBOX_agent.pull', { max: 1 })
    agent.publish('$JS.API.CONSUMER.MSG.NEXT.WORK.faces', JSON.stringify({ batch: 1, expires: 5e9 }), {
      reply: '_INBOX_agent.pull',
    })
    const [token] = await Array.fromAsync(inbox)
    expect(token?.json()).toEqual({ v: 1 })
    if (!token?.reply) throw new Error('a token says where to acknowledge it')
    await agent.request(token.reply, '+ACK')
    expect(await nats.ask('$JS.API.STREAM.INFO.WORK')).toMatchObject({ state: { messages: 0 } })
  })

  it('look at a consumer again and again, with one answer each time', async () => {
    const answers: string[] = []
    agent.subscribe('_INBOX_agent.looks', {
      callback: (_error, message) => {
        answers.push(message.json<{ name?: string }>().name ?? message.string())
      },
    })
    for (let left = 200; left > 0; left -= 1)
      agent.publish('$JS.API.CONSUMER.INFO.WORK.faces', '', { reply: '_INBOX_agent.looks' })
    await vi.waitFor(() => expect(answers.length).toBeGreaterThanOrEqual(200), 10_000)
    await agent.request('$JS.API.CONSUMER.INFO.WORK.faces', '')
    expect(answers).toEqual(Array.from({ length: 200 }, () => 'faces'))
  })

  it('publish log lines', async () => {
    const kept = await agent.request('log.agt_1.tsk_1.1', '{}')
    expect(kept.json()).toMatchObject({ stream: 'LOGS', seq: 1 })
  })

  it('hear commands, those for other agents too', async () => {
    const heard = agent.subscribe('agent.*.command', { max: 1 })
    await agent.flush()
    nats.api.publish('agent.agt_1.command', 'cancel')
    for await (const message of heard) expect(message.string()).toBe('cancel')
  })
})

describe('an agent may not publish', () => {
  it.each([
    'work.faces',
    'work.other',
    '$JS.API.STREAM.PURGE.WORK',
    '$JS.API.STREAM.PURGE.LOGS',
    '$JS.API.STREAM.DELETE.WORK',
    '$JS.API.STREAM.CREATE.MINE',
    '$JS.API.STREAM.UPDATE.WORK',
    '$JS.API.STREAM.INFO.WORK',
    '$JS.API.STREAM.LIST',
    '$JS.API.STREAM.NAMES',
    '$JS.API.STREAM.MSG.GET.LOGS',
    '$JS.API.STREAM.MSG.DELETE.WORK',
    '$JS.API.DIRECT.GET.LOGS',
    '$JS.API.CONSUMER.CREATE.WORK.mine',
    '$JS.API.CONSUMER.CREATE.LOGS.mine',
    '$JS.API.CONSUMER.DURABLE.CREATE.WORK.mine',
    '$JS.API.CONSUMER.DELETE.WORK.faces',
    '$JS.API.CONSUMER.PAUSE.WORK.faces',
    '$JS.API.CONSUMER.MSG.NEXT.LOGS.any',
    '$JS.API.CONSUMER.INFO.LOGS.any',
    '$JS.API.CONSUMER.LIST.WORK',
    '$JS.ACK.LOGS.any.1.1.1.1.1',
    '$JS.API.INFO',
    'event.task.tsk_1',
    'agent.agt_2.command',
    '_INBOX.another',
    '_INBOX_agent.another',
    '$SYS.REQ.SERVER.PING',
    'anything',
  ])('%s', async (subject) => {
    agent.publish(subject, '{}')
    await expectRefusal('publish', subject)
  })
})

describe('an agent may not subscribe to', () => {
  it.each([
    'log.>',
    'work.>',
    'event.>',
    'event.task.*',
    '>',
    '_INBOX.>',
    'agent.>',
    '$JS.API.>',
    '$JS.ACK.>',
    '$SYS.>',
    '*',
  ])('%s', async (subject) => {
    agent.subscribe(subject)
    await expectRefusal('subscription', subject)
  })
})

it('a client without a password, or with a wrong one, is rejected', async () => {
  const servers = nats.env.NATS_URL
  await expect(connect({ servers, reconnect: false })).rejects.toThrow(/authorization/i)
  await expect(connect({ servers, user: 'api', pass: 'guess', reconnect: false })).rejects.toThrow(
    /authorization/i,
  )
  const { NATS_AGENT_PASSWORD: pass } = nats.env
  await expect(connect({ servers, user: 'api', pass, reconnect: false })).rejects.toThrow(/authorization/i)
})

async function collectRefusals(connection: NatsConnection) {
  for await (const status of connection.status()) {
    if (status.type === 'error') refused.push(status.error.message.toLowerCase())
  }
}

/** The server says no about exactly this subject; a flush bounds the wait. */
async function expectRefusal(operation: 'publish' | 'subscription', subject: string) {
  await agent.flush()
  await vi.waitFor(() =>
    expect(refused).toContainEqual(
      expect.stringMatching(new RegExp(`permissions violation for ${operation} to "${literally(subject)}"`)),
    ),
  )
}

const literally = (text: string) => text.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
