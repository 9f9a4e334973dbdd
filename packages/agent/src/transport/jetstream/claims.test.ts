import type { ClaimAnswer, Grant, Offer } from '@millrace/shared/for-agents'
import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import type { Assignment } from '../../signals/agent-signals.ts'
import { Claims, type ClaimsDeps } from './claims.ts'
import type { Token } from './token-source.ts'

const task = 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV' as const
const grantOf = (attempt: number): Grant => ({
  run: `${task}.${attempt}`,
  module: { name: 'm', version: '1.0.0', digest: 'd' },
  inputs: {},
  outputs: {},
  timeoutSeconds: 1,
})

/** An API with this much work, an agent with this much room, and a record of their actions. */
function setUp(o: { room: number; work: number; answers?: (ClaimAnswer | null | Error)[] }) {
  const seen = {
    ids: [] as string[],
    granted: [] as Assignment[],
    reserved: [] as string[],
    idle: 0,
    inFlight: 0,
    mostInFlight: 0,
  }
  const state = { room: o.room, work: o.work, others: 0 }
  const stop = new AbortController()
  const deps: ClaimsDeps = {
    offers: (): Offer[] => [
      { module: 'm', version: '1.0.0', digest: 'd', max: state.room, warm: 0 },
      { module: 'other', version: '1.0.0', digest: 'd', max: state.others, warm: 0 },
    ],
    ask: async (claimId) => {
      seen.ids.push(claimId)
      seen.mostInFlight = Math.max(seen.mostInFlight, ++seen.inFlight)
      await new Promise(setImmediate)
      seen.inFlight -= 1
      const answer = o.answers?.shift()
      if (answer instanceof Error) throw answer
      if (answer !== undefined) return answer
      return state.work-- > 0 ? { grant: grantOf(seen.ids.length) } : null
    },
    isDefinite: (error) => error instanceof RangeError,
    onGrant: (granted) => {
      state.room -= 1
      seen.granted.push(granted)
    },
    onReserve: (reserve) => seen.reserved.push(reserve.module),
    onIdle: () => {
      seen.idle += 1
    },
    logger: pino({ level: 'silent' }),
    signal: stop.signal,
    now: () => 0,
  }
  return { claims: new Claims(deps), seen, state, stop }
}

const tokenOf = (delivery: number, waitingBehind = 0) => {
  const token = { module: 'm', delivery, waitingBehind, ack: vi.fn(), nak: vi.fn() } satisfies Token
  return token
}

test('a token is acknowledged after its claim, and claims continue until one is empty', async () => {
  const { claims, seen } = setUp({ room: 5, work: 2 })
  const token = tokenOf(1)
  await claims.offer(token)
  expect(seen.granted).toHaveLength(2)
  expect(seen.ids).toHaveLength(3)
  expect(new Set(seen.ids).size).toBe(3)
  expect(token.ack).toHaveBeenCalledOnce()
  expect(token.nak).not.toHaveBeenCalled()
})

test('the last possible assignment ends the claiming until the next token', async () => {
  const last = { grant: grantOf(1), more: false }
  const { claims, seen } = setUp({ room: 5, work: 0, answers: [last, last] })
  await claims.offer(tokenOf(1))
  expect(seen.ids).toHaveLength(1)
  await claims.offer(tokenOf(2))
  expect(seen.granted).toHaveLength(2)
})

test('a run that ends during the last possible claim causes no other claim', async () => {
  const last = { grant: grantOf(1), more: false }
  const { claims, seen } = setUp({ room: 5, work: 0, answers: [last] })
  const claimed = claims.offer(tokenOf(1))
  claims.capacityChanged()
  await claimed
  expect(seen.granted).toHaveLength(1)
  expect(seen.ids).toHaveLength(1)
})

test('it does when a module has room that had none', async () => {
  const last = { grant: grantOf(1), more: false }
  const { claims, seen, state } = setUp({ room: 1, work: 0, answers: [last] })
  state.others = 0
  const claimed = claims.offer(tokenOf(1))
  state.others = 1
  claims.capacityChanged()
  await claimed
  expect(seen.ids).toHaveLength(2)
})

test('no more is claimed than fits', async () => {
  const { claims, seen } = setUp({ room: 1, work: 9 })
  await claims.offer(tokenOf(1))
  expect(seen.ids).toHaveLength(1)
  expect(seen.idle).toBe(1)
})

test('a token without room is returned immediately', async () => {
  const { claims, seen } = setUp({ room: 0, work: 1 })
  const token = tokenOf(1)
  await claims.offer(token)
  expect(seen.ids).toHaveLength(0)
  expect(token.nak).toHaveBeenCalledOnce()
})

test('only one claim is in flight at any time', async () => {
  const { claims, seen } = setUp({ room: 9, work: 4 })
  const all = [1, 2, 3].map((delivery) => claims.offer(tokenOf(delivery)))
  claims.capacityChanged()
  await Promise.all(all)
  expect(seen.mostInFlight).toBe(1)
  expect(seen.granted).toHaveLength(4)
})

test('tokens that waited before an empty claim are acknowledged without another claim', async () => {
  const { claims, seen } = setUp({ room: 9, work: 0 })
  await claims.offer(tokenOf(1, 2))
  const waiting = [tokenOf(2, 1), tokenOf(3)]
  for (const token of waiting) await claims.offer(token)
  expect(seen.ids).toHaveLength(1)
  for (const token of waiting) expect(token.ack).toHaveBeenCalledOnce()
  await claims.offer(tokenOf(4))
  expect(seen.ids).toHaveLength(2)
})

test('two empty claims in a row pause the module’s tokens for a second', async () => {
  const { claims } = setUp({ room: 9, work: 0 })
  await claims.offer(tokenOf(1))
  expect(claims.pausedFor('m')).toBe(0)
  await claims.offer(tokenOf(2))
  expect(claims.pausedFor('m')).toBe(1000)
})

test('a claim whose answer was lost is repeated with the same id', async () => {
  const { claims, seen } = setUp({ room: 1, work: 1, answers: [new Error('cut'), new Error('cut')] })
  await claims.offer(tokenOf(1))
  expect(seen.ids).toHaveLength(3)
  expect(new Set(seen.ids).size).toBe(1)
  expect(seen.granted).toHaveLength(1)
})

test('a definite rejection ends the claim and returns the token', async () => {
  const { claims, seen } = setUp({ room: 1, work: 1, answers: [new RangeError('no')] })
  const token = tokenOf(1)
  await claims.offer(token)
  expect(seen.ids).toHaveLength(1)
  expect(token.nak).toHaveBeenCalledOnce()
})

test('room kept for other work counts as an empty claim', async () => {
  const reserve = { module: 'big', version: '1.0.0' }
  const { claims, seen } = setUp({ room: 1, work: 1, answers: [{ grant: null, reserve }] })
  await claims.offer(tokenOf(1))
  expect(seen.granted).toHaveLength(0)
  expect(seen.idle).toBe(1)
})

test('an assignment can be requested again under its claim id', async () => {
  const { claims, seen } = setUp({
    room: 1,
    work: 1,
    answers: [{ grant: grantOf(1) }, { grant: grantOf(1) }],
  })
  claims.capacityChanged()
  await claims.close()
  expect(await seen.granted[0]?.again()).toEqual(grantOf(1))
  expect(new Set(seen.ids).size).toBe(1)
})
