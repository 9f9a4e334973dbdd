import type { ClaimAnswer, Offer } from '@millrace/shared/for-agents'
import { pino } from 'pino'
import { afterEach, expect, test, vi } from 'vitest'
import { until } from '../../../../../test/support/until.ts'
import { FindWork } from './find-work.ts'
import type { Token } from './token-source.ts'

let work: FindWork
afterEach(() => work.close())

/** An agent with room for two runs of `m`, whose claims get the given answers, then none. */
function setUp(answers: ClaimAnswer[]) {
  const seen = { claims: 0, waitedFor: new Set<string>() }
  const room = { m: 2, other: 1 }
  const tokens: Token[] = []
  work = new FindWork({
    offers: (): Offer[] =>
      (['m', 'other'] as const).map((module) => ({
        ...{ module, version: '1.0.0', digest: 'd' },
        ...{ max: room[module], warm: 0 },
      })),
    ask: async () => {
      seen.claims += 1
      return answers.shift() ?? null
    },
    isDefinite: () => false,
    onGrant: () => {
      room.m -= 1
    },
    onReserve: () => undefined,
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
  })
  work.connected({
    async next(module, signal) {
      seen.waitedFor.add(module)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      seen.waitedFor.delete(module)
      return tokens.shift() ?? null
    },
  })
  const settled = async () => {
    await vi.waitUntil(() => seen.claims > 0)
    await until('tokens are waited for', 5, () => seen.waitedFor.size === (room.m > 0 ? 2 : 1))
  }
  return { seen, room, settled }
}

const grant = {
  run: 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV.1' as const,
  ...{ module: { name: 'm', version: '1.0.0', digest: 'd' }, inputs: {}, outputs: {}, timeoutSeconds: 1 },
}

test('the end of a run causes no claim when the agent waited for tokens of all modules with room', async () => {
  const { seen, room, settled } = setUp([{ grant, more: false }])
  work.capacityChanged()
  await settled()
  room.m += 1
  work.runEnded()
  await settled()
  expect(seen.claims).toBe(1)
})

test('it does when the module had no room before', async () => {
  const { seen, room, settled } = setUp([{ grant, more: false }])
  room.m = 1
  work.capacityChanged()
  await settled()
  room.m += 1
  work.runEnded()
  await until('it was asked for', 5, () => seen.claims === 2)
})

test('it does when the last claim was empty: a parked task may use the free slot', async () => {
  const { seen, settled } = setUp([])
  work.capacityChanged()
  await settled()
  work.runEnded()
  await until('it was asked for', 5, () => seen.claims === 2)
})

test('it does while tokens are unavailable', async () => {
  const { seen, room, settled } = setUp([{ grant, more: false }])
  work.capacityChanged()
  await settled()
  work.connected(null)
  room.m += 1
  work.runEnded()
  await until('it was asked for', 5, () => seen.claims === 2)
})
