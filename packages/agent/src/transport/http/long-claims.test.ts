import type { ClaimAnswer, Grant, Offer } from '@millrace/shared/for-agents'
import { pino } from 'pino'
import { afterEach, expect, test, vi } from 'vitest'
import type { Assignment } from '../../signals/agent-signals.ts'
import { LongClaims } from './long-claims.ts'

const task = 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV' as const
const grantOf = (attempt: number): Grant => ({
  run: `${task}.${attempt}`,
  module: { name: 'm', version: '1.0.0', digest: 'd' },
  inputs: {},
  outputs: {},
  timeoutSeconds: 1,
})

type Request = {
  claimId: string
  offers: Offer[]
  wait: number
  isGivenUp(): boolean
  answer(answer: ClaimAnswer | null): void
  fail(error: Error): void
}

let stop = new AbortController()
afterEach(() => stop.abort())

/** An agent with this much room, and an API whose answers the test gives one by one. */
function setUp(room: number) {
  stop = new AbortController()
  const state = { room }
  const requests: Request[] = []
  const granted: Assignment[] = []
  const claims = new LongClaims({
    offers: () => [{ module: 'm', version: '1.0.0', digest: 'd', max: state.room, warm: 0 }],
    ask(claimId, offers, wait, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<ClaimAnswer | null>()
      signal.addEventListener('abort', () => reject(new Error('given up')))
      requests.push({
        claimId,
        offers,
        wait,
        isGivenUp: () => signal.aborted,
        answer: resolve,
        fail: reject,
      })
      return promise
    },
    isDefinite: (error) => error instanceof RangeError,
    onReserve: () => undefined,
    onGrant(one) {
      state.room -= 1
      granted.push(one)
    },
    logger: pino({ level: 'silent' }),
    signal: stop.signal,
  })
  claims.begin()
  const request = (n: number) =>
    vi.waitFor(() => {
      const one = requests[n]
      if (!one) throw new Error(`request ${n} was not sent`)
      return one
    })
  return { claims, state, requests, granted, request }
}

test('one claim waits at the API while the agent has room, and the next follows each answer', async () => {
  const { requests, granted, request } = setUp(2)
  const first = await request(0)
  expect(first).toMatchObject({ wait: 15, offers: [{ max: 2 }] })
  first.answer(null)
  const second = await request(1)
  second.answer({ grant: grantOf(1) })
  const third = await request(2)
  expect(third.offers[0]?.max).toBe(1)
  expect(new Set(requests.map(({ claimId }) => claimId)).size).toBe(3)
  expect(granted).toHaveLength(1)
})

test('without room the agent sends no claim until a run ends', async () => {
  const { claims, state, requests, request } = setUp(0)
  claims.capacityChanged()
  await new Promise(setImmediate)
  expect(requests).toEqual([])
  state.room = 1
  claims.capacityChanged()
  expect((await request(0)).wait).toBe(15)
})

test('more of the same room leaves a waiting claim alone', async () => {
  const { claims, state, requests, request } = setUp(1)
  const waiting = await request(0)
  state.room = 2
  claims.capacityChanged()
  await new Promise(setImmediate)
  expect(waiting.isGivenUp()).toBe(false)
  expect(requests).toHaveLength(1)
})

test('changed offers replace those of a waiting claim, under the same id: no assignment is lost', async () => {
  const { claims, state, granted, request } = setUp(1)
  const waiting = await request(0)
  state.room = 0
  claims.capacityChanged()
  const again = await request(1)
  expect(waiting.isGivenUp()).toBe(true)
  expect(again).toMatchObject({ claimId: waiting.claimId, offers: [{ max: 0 }], wait: 0 })
  again.answer({ grant: grantOf(1) })
  await vi.waitFor(() => expect(granted.map(({ grant }) => grant.run)).toEqual([`${task}.1`]))
})

test('the answer to an aborted request is ignored; the answer to the next one counts once', async () => {
  const { claims, granted, request } = setUp(9)
  const waiting = await request(0)
  claims.askAnew()
  waiting.answer({ grant: grantOf(1) })
  const again = await request(1)
  again.answer({ grant: grantOf(1) })
  const next = await request(2)
  expect(next.claimId).not.toBe(again.claimId)
  expect(granted).toHaveLength(1)
})

test('a failed request is repeated with its id; a rejection ends the claim', async () => {
  const { request } = setUp(1)
  const first = await request(0)
  first.fail(new Error('cut'))
  const second = await request(1)
  expect(second.claimId).toBe(first.claimId)
  second.fail(new RangeError('no'))
  expect((await request(2)).claimId).not.toBe(first.claimId)
})

test('close waits for the claim in flight and accepts its assignment', async () => {
  const { claims, requests, granted, request } = setUp(1)
  const waiting = await request(0)
  const closing = claims.close()
  const last = await request(1)
  expect(last).toMatchObject({ claimId: waiting.claimId, offers: [], wait: 0 })
  last.answer({ grant: grantOf(1) })
  await closing
  expect(granted).toHaveLength(1)
  expect(requests).toHaveLength(2)
})
