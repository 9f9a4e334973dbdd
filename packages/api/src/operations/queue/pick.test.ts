import { describe, expect, test } from 'vitest'
import { at, exampleEntry, taskId } from '../task/example.fixture.ts'
import { pickEntry } from './pick.ts'
import { rankOf } from './rank.ts'

const offer = (module: string, more: object = {}) => ({
  module,
  version: '1.0.0',
  digest: 'd',
  max: 1,
  warm: 0,
  ...more,
})
const entry = (
  attempt: number,
  module: string,
  more: { priority?: 'high' | 'normal'; late?: number } = {},
) => {
  const queuedAt = new Date(at.getTime() + (more.late ?? 0))
  const priority = more.priority ?? 'normal'
  const rank = rankOf({ priority, place: 0, queuedAt, task: taskId })
  return exampleEntry({ _id: `${taskId}.${attempt}`, module, priority, queuedAt, rank })
}
const pick = (given: Partial<Parameters<typeof pickEntry>[0]>) =>
  pickEntry({ fitting: [], waiting: [], roomy: [], cramped: [], passed: new Set(), ...given })

describe('the pick', () => {
  const [a, b] = [entry(1, 'a'), entry(2, 'b', { late: 1999 })]

  test('is the first that fits an offer and was not passed over', () => {
    expect(pick({ fitting: [a, b], roomy: [offer('b')] })).toMatchObject({ entry: b })
    expect(pick({ fitting: [a, b], roomy: [offer('a'), offer('b')] })).toMatchObject({ entry: a })
    const passed = new Set([a._id])
    expect(pick({ fitting: [a, b], roomy: [offer('a'), offer('b')], passed })).toMatchObject({ entry: b })
    expect(pick({ fitting: [a], roomy: [] })).toBeNull()
    const pinned = { ...a, version: '2.0.0' }
    expect(pick({ fitting: [pinned], roomy: [offer('a')] })).toBeNull()
    expect(pick({ fitting: [pinned], roomy: [offer('a'), offer('a', { version: '2.0.0' })] })).toMatchObject({
      offer: { version: '2.0.0' },
    })
  })

  test('says whether anything else fits', () => {
    const roomy = [offer('a'), offer('b')]
    expect(pick({ fitting: [a, b], roomy })).toMatchObject({ more: true })
    expect(pick({ fitting: [a, b], roomy, passed: new Set([b._id]) })).toMatchObject({ more: false })
    expect(pick({ fitting: [a, b], roomy: [offer('a')] })).toMatchObject({ more: false })
  })

  test('is a warm module among those of the same priority queued within two seconds', () => {
    const warm = [offer('a'), offer('b', { warm: 1 })]
    expect(pick({ fitting: [a, b], roomy: warm })).toMatchObject({ entry: b })
    expect(pick({ fitting: [a, entry(2, 'b', { late: 2001 })], roomy: warm })).toMatchObject({ entry: a })
    expect(pick({ fitting: [entry(1, 'a', { priority: 'high' }), b], roomy: warm })).toMatchObject({
      entry: { module: 'a' },
    })
  })

  test('is nothing but a reservation while a more urgent one has no room', () => {
    const urgent = entry(3, 'c', { priority: 'high' })
    const cramped = [offer('c', { max: 0 })]
    expect(pick({ fitting: [a], roomy: [offer('a')], waiting: [urgent], cramped })).toEqual({
      kind: 'reserve',
      reserve: { module: 'c', version: '1.0.0' },
    })
    expect(pick({ fitting: [a], roomy: [offer('a')], waiting: [entry(3, 'c')], cramped })).toMatchObject({
      entry: a,
    })
    expect(pick({ waiting: [urgent], cramped })).toBeNull()
  })
})

describe('the rank', () => {
  test('sorts by priority, then place, then age, then task', () => {
    const base = { priority: 'normal' as const, place: 0, queuedAt: at, task: 'tsk_a' }
    const ranks = [
      rankOf({ ...base, priority: 'high', place: 9 }),
      rankOf(base),
      rankOf({ ...base, task: 'tsk_b' }),
      rankOf({ ...base, queuedAt: new Date(at.getTime() + 1) }),
      rankOf({ ...base, place: 2 }),
      rankOf({ ...base, place: 10 }),
      rankOf({ ...base, priority: 'low' }),
    ]
    expect(ranks.toSorted()).toEqual(ranks)
  })
})
