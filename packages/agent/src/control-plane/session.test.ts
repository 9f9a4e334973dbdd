import type { RegisterAnswer, RegisterRequest, SessionId } from '@millrace/shared/for-agents'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { Identity } from '../home/identity.ts'
import { ApiAway, ApiRefused } from '../http/failures.ts'
import { openSignals } from '../signals/agent-signals.ts'
import { Session, type SessionDenied } from './session.ts'

const agentId = 'agt_01ARZ3NDEKTSV4RRFFQ69G5FAV' as const
const run = 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV.1' as const
const sessionIdOf = (n: number): SessionId => `ses_01ARZ3NDEKTSV4RRFFQ69G5FA${n}`
const refused = (code: string) =>
  new ApiRefused('call', 409, { type: '', title: '', status: 409, code, detail: '', requestId: '' })

/** A session whose API first answers registrations with these faults. */
function setUp(faults: Error[] = [], identity: Identity = {}, isDiskFull = false) {
  const seen = {
    registrations: [] as RegisterRequest[],
    denied: [] as SessionDenied[],
    kept: [] as Identity[],
  }
  const session = new Session({
    api: {
      register: async (body): Promise<RegisterAnswer> => {
        const fault = faults.shift()
        if (fault) throw fault
        seen.registrations.push(body)
        const sessionId = sessionIdOf(seen.registrations.length)
        return {
          agentId,
          sessionId,
          heartbeatSeconds: 5,
          sessionTtlSeconds: 20,
          nats: { servers: [] },
          runs: {},
        }
      },
    },
    identity,
    keep: async (kept) => {
      if (isDiskFull) throw new Error('ENOSPC')
      seen.kept.push({ ...kept })
    },
    describe: () => ({ name: 'a', version: '1', platform: { os: '', arch: '', cpus: 1, memoryBytes: 1 } }),
    heldRuns: () => [run],
    signals: openSignals(),
    onDenied: (denied) => seen.denied.push(denied),
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
  })
  return { session, seen }
}

test('registers with its held runs and its previous session, and keeps the new one', async () => {
  const { session, seen } = setUp([], { agentId, lastSessionId: sessionIdOf(0) })
  await session.register()
  expect(seen.registrations).toMatchObject([{ agentId, previousSessionId: sessionIdOf(0), heldRuns: [run] }])
  expect(seen.kept).toEqual([{ agentId, lastSessionId: sessionIdOf(1) }])
})

test('a full disk does not keep a known agent from registering', async () => {
  const { session, seen } = setUp([], { agentId }, true)
  expect(await session.register()).toMatchObject({ sessionId: sessionIdOf(1) })
  expect(seen.registrations).toHaveLength(1)
})

test('retries while the API is unreachable', async () => {
  const { session, seen } = setUp([new ApiAway('away'), new ApiAway('away')])
  await session.register()
  expect(seen.registrations).toHaveLength(1)
})

test('an expired session is replaced once for all calls that fail, and each call is repeated', async () => {
  const { session, seen } = setUp()
  const call = (sessionId: SessionId) =>
    sessionId === sessionIdOf(1) ? Promise.reject(refused('session_expired')) : Promise.resolve(sessionId)
  await session.register()
  const answers = await Promise.all([session.call(call), session.call(call), session.call(call)])
  expect(answers).toEqual([sessionIdOf(2), sessionIdOf(2), sessionIdOf(2)])
  expect(seen.registrations[1]).toMatchObject({ previousSessionId: sessionIdOf(1), heldRuns: [run] })
  expect(seen.registrations).toHaveLength(2)
})

test.each([
  ['agent_connected', 'agent_connected'],
  ['session_replaced', 'session_replaced'],
  ['unauthorized', 'refused'],
])('a registration rejected with %s is final', async (code, why) => {
  const { session, seen } = setUp([refused(code)])
  await expect(session.register()).rejects.toMatchObject({ name: 'SessionDenied', why })
  expect(seen.denied).toHaveLength(1)
})

test('a replaced session is the end', async () => {
  const { session, seen } = setUp()
  const call = session.call(() => Promise.reject(refused('session_replaced')))
  await expect(call).rejects.toMatchObject({ why: 'session_replaced' })
  expect(seen.denied).toHaveLength(1)
})

test('a call of a session that was renewed meanwhile is repeated after any answer', async () => {
  const { session, seen } = setUp()
  await session.register()
  const asked = Promise.withResolvers<void>()
  const late = session.call(async (sessionId) => {
    if (sessionId !== sessionIdOf(1)) return sessionId
    await asked.promise
    throw refused('session_replaced')
  })
  await session.call((sessionId) =>
    sessionId === sessionIdOf(1) ? Promise.reject(refused('session_expired')) : Promise.resolve(),
  )
  asked.resolve()
  expect(await late).toBe(sessionIdOf(2))
  expect(seen.denied).toEqual([])
})

test('any other failure of a call is passed on', async () => {
  const { session } = setUp()
  await expect(session.call(() => Promise.reject(refused('conflict')))).rejects.toMatchObject({
    code: 'conflict',
  })
})
