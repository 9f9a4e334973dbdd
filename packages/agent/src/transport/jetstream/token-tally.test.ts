import { describe, expect, test } from 'vitest'
import { freshTally, isVoid, onGrant, onNothing, onToken, pauseAfter, type Tally } from './token-tally.ts'

const token = (delivery: number, waitingBehind = 0) => ({ delivery, waitingBehind })
const seenThenNothing = (delivery: number, waitingBehind: number): Tally => {
  const tally = onToken(freshTally, token(delivery, waitingBehind))
  return onNothing(tally, tally.seen, true, 0)
}

describe('void tokens', () => {
  test.each([
    { delivery: 11, void: true, why: 'waited behind the token of the claim' },
    { delivery: 13, void: true, why: 'the last that waited' },
    { delivery: 14, void: false, why: 'came after the claim began' },
  ])(
    'token $delivery after a claim with three tokens behind number 10: $why',
    ({ delivery, ...expected }) => {
      expect(isVoid(seenThenNothing(10, 3), token(delivery))).toBe(expected.void)
    },
  )

  test('a token that arrived during the claim does not extend the void range', () => {
    const before = onToken(freshTally, token(10, 1))
    const during = onToken(before, token(11, 5))
    const after = onNothing(during, before.seen, true, 0)
    expect(isVoid(after, token(11))).toBe(true)
    expect(isVoid(after, token(12))).toBe(false)
  })

  test('a new consumer counts from 1, and the old state is dropped', () => {
    const tally = onToken(seenThenNothing(500, 10), token(1))
    expect(isVoid(tally, token(1))).toBe(false)
  })

  test('a claim that began with the old consumer says nothing about the new one', () => {
    const old = onToken(freshTally, token(500, 10))
    const renewed = onToken(old, token(1))
    expect(isVoid(onNothing(renewed, old.seen, true, 0), token(2))).toBe(false)
  })

  test('before the first token nothing is void', () => {
    expect(isVoid(onNothing(freshTally, null, false, 0), token(1))).toBe(false)
  })
})

describe('pauses', () => {
  test.each([
    [0, 0],
    [1, 0],
    [2, 1000],
    [3, 2000],
    [4, 4000],
    [5, 8000],
    [6, 15_000],
    [60, 15_000],
  ])('after %i empty claims: %i ms', (nothings, ms) => {
    expect(pauseAfter(nothings)).toBe(ms)
  })

  test('only claims for a token of the module count', () => {
    const tally = onNothing(freshTally, null, false, 1000)
    expect(tally).toMatchObject({ nothings: 0, pausedUntil: 0 })
  })

  test('two empty claims in a row cause a pause; an assignment ends it', () => {
    const once = onNothing(freshTally, null, true, 1000)
    const twice = onNothing(once, null, true, 2000)
    expect(twice).toMatchObject({ nothings: 2, pausedUntil: 3000 })
    expect(onGrant(twice)).toMatchObject({ nothings: 0, pausedUntil: 0 })
  })
})
