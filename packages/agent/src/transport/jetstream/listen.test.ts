import { commandSubject } from '@millrace/shared/for-agents'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { listen } from './listen.ts'

let api: NatsConnection
let agent: NatsConnection
beforeAll(async () => {
  const env: Record<string, string | undefined> = inject('servers')
  const servers = env.NATS_URL
  api = await connect({ servers, user: env.NATS_USER, pass: env.NATS_PASSWORD })
  agent = await connect({ servers, user: env.NATS_AGENT_USER, pass: env.NATS_AGENT_PASSWORD })
})
afterAll(async () => {
  await agent?.close()
  await api?.close()
})

test('an agent ignores messages that are no commands, such as NATS answers that another agent redirects to it', async () => {
  const id = 'agt_01ARZ3NDEKTSV4RRFFQ69G5FAV'
  const obeyed = vi.fn()
  listen(agent, id, obeyed, pino({ level: 'silent' }))
  await agent.flush()
  for (const text of [
    '',
    'no JSON',
    '{"type":"io.nats.jetstream.api.v1.consumer_info_response","stream_name":"WORK","name":"faces"}',
    '{"stream":"LOGS","seq":1}',
    '{"v":1,"module":"faces"}',
    '{"v":1,"kind":"cancel"}',
  ])
    api.publish(commandSubject(id), text)
  const scan = { v: 1, kind: 'scan', id: 'cmd_1' }
  api.publish(commandSubject(id), JSON.stringify(scan))
  await vi.waitFor(() => expect(obeyed.mock.calls).toEqual([[scan]]))
})
