import { describe, expect, test } from 'vitest'
import { rankOf } from '../../store/documents/queue.ts'
import { at, exampleEntry, exampleQueued, taskId } from '../task/example.fixture.ts'
import { pickTask } from './pick.ts'

const offer = (module: string, more: object = {}) => ({
  module,
  version: '1.0.0',
  digest: 'd',
  max: 1,
  warm: 0,
  ...more,
})
const queued = (
  attempt: number,
  module: string,
  more: { priority?: 'high' | 'normal'; late?: number } = {},
) => {
  const queuedAt = new Date(at.getTime() + (more.late ?? 0))
  const priority = more.priority ?? 'normal'
  const rank = rankOf({ priority, place: 0, queuedAt, task: taskId })
  return exampleQueued({
    currentRun: `${taskId}.${attempt}`,
    module,
    priority,
    queuedAt,
    entry: { ...exampleEntry, rank },
  })
}
const pick = (given: Partial<Parameters<typeof pickTask>[0]>) =>
  pickTask({ fitting: [], waiting: [], roomy: [], cramped: [], passed: new Set(), ...given })

describe('the pick', () => {
  const [a, b] = [queued(1, 'a'), queued(2, 'b', { late: 1999 })]

  test('is the first that fits an offer and was not passed over', () => {
    expect(pick({ fitting: [a, b], roomy: [offer('b')] })).toMatchObject({ task: b })
    expect(pick({ fitting: [a, b], roomy: [offer('a'), offer('b')] })).toMatchObject({ task: a })
    const passed = new Set([a.currentRun])
    expect(pick({ fitting: [a, b], roomy: [offer('a'), offer('b')], passed })).toMatchObject({ task: b })
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
    expect(pick({ fitting: [a, b], roomy, passed: new Set([b.currentRun]) })).toMatchObject({ more: false })
    expect(pick({ fitting: [a, b], roomy: [offer('a')] })).toMatchObject({ more: false })
  })

  test('is a warm module among those of the same priority queued within two seconds', () => {
    const warm = [offer('a'), offer('b', { warm: 1 })]
    expect(pick({ fitting: [a, b], roomy: warm })).toMatchObject({ task: b })
    expect(pick({ fitting: [a, queued(2, 'b', { late: 2001 })], roomy: warm })).toMatchObject({ task: a })
    expect(pick({ fitting: [queued(1, 'a', { priority: 'high' }), b], roomy: warm })).toMatchObject({
      task: { module: 'a' },
    })
  })

  test('is nothing but a reservation while a more urgent one has no room', () => {
    const urgent = queued(3, 'c', { priority: 'high' })
    const cramped = [offer('c', { max: 0 })]
    expect(pick({ fitting: [a], roomy: [offer('a')], waiting: [urgent], cramped })).toEqual({
      kind: 'reserve',
      reserve: { module: 'c', version: '1.0.0' },
    })
    expect(pick({ fitting: [a], roomy: [offer('a')], waiting: [queued(3, 'c')], cramped })).toMatchObject({
      task: a,
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
