import { describe, expect, test } from 'vitest'
import { positionIn, rankOf } from '../../store/documents/queue.ts'
import { Shares } from './shares.ts'

type Ready = { caller: string; rank: string }

/** A queue that serves by rank, with tasks that are handed in as they come. */
function queue() {
  const shares = new Shares()
  const waiting: Ready[] = []
  let at = 0
  return {
    submit(caller: string, count: number, priority: 'high' | 'normal' = 'normal') {
      for (let left = count; left > 0; left -= 1) {
        const place = shares.next(caller, priority)
        waiting.push({ caller, rank: rankOf({ priority, place, queuedAt: new Date(at++), task: 't' }) })
      }
    },
    serve(count: number): string[] {
      return Array.from({ length: count }, () => {
        waiting.sort((a, b) => (a.rank < b.rank ? -1 : 1))
        const served = waiting.shift()
        if (served) shares.served(served.rank.startsWith('1') ? 'high' : 'normal', positionIn(served.rank))
        return served?.caller ?? ''
      })
    },
  }
}

const countOf = (served: string[], caller: string) => served.filter((one) => one === caller).length

describe('fair shares', () => {
  test('one task of another caller does not stand behind ten thousand', () => {
    const { submit, serve } = queue()
    submit('many', 1_000)
    serve(100)
    submit('one', 1)
    expect(serve(3)).toContain('one')
  })

  test('three callers under contention get a third each', () => {
    const { submit, serve } = queue()
    for (const caller of ['a', 'b', 'c']) submit(caller, 300)
    const served = serve(300)
    for (const caller of ['a', 'b', 'c']) expect(countOf(served, caller)).toBe(100)
  })

  test('who was away gains nothing by it, and loses nothing', () => {
    const { submit, serve } = queue()
    submit('a', 500)
    serve(200)
    submit('b', 500)
    expect(countOf(serve(100), 'b')).toBeGreaterThanOrEqual(49)
    expect(countOf(serve(100), 'b')).toBeLessThanOrEqual(51)
  })

  test('priority comes first', () => {
    const { submit, serve } = queue()
    submit('a', 100)
    submit('b', 1)
    submit('a', 5, 'high')
    expect(serve(5)).toEqual(['a', 'a', 'a', 'a', 'a'])
  })

  test('alone, a caller is served in order of age', () => {
    const [older, newer] = [1, 2].map((time) =>
      rankOf({ priority: 'normal', place: 7, queuedAt: new Date(time), task: 't' }),
    )
    expect((older ?? '') < (newer ?? '')).toBe(true)
  })
})
