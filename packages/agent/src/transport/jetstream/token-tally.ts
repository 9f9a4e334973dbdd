/** The state of one module's tokens. */
export type Tally = {
  /** The newest delivery, and the number of tokens that waited behind it. */
  seen: { delivery: number; waitingBehind: number } | null
  /** Tokens up to this delivery number existed before an empty claim. */
  voidThrough: number
  /** Empty claims in a row for tokens of this module. */
  nothings: number
  /** The agent waits for none of its tokens until then (ms). */
  pausedUntil: number
}

export const freshTally: Tally = { seen: null, voidThrough: 0, nothings: 0, pausedUntil: 0 }

/** A token arrived. A lower delivery number means a new consumer, which invalidates the old state. */
export function onToken(tally: Tally, token: { delivery: number; waitingBehind: number }): Tally {
  const renewed = tally.seen !== null && token.delivery <= tally.seen.delivery
  return {
    ...tally,
    seen: { delivery: token.delivery, waitingBehind: token.waitingBehind },
    voidThrough: renewed ? 0 : tally.voidThrough,
  }
}

/** Whether a claim that began after the token was sent was empty. */
export const isVoid = (tally: Tally, token: { delivery: number }): boolean =>
  token.delivery <= tally.voidThrough

/**
 * A claim that began after the delivery of `seen` was empty: every token that waited behind that delivery is void. The
 * delivery number decides, since other agents take some of the tokens.
 */
export function onNothing(tally: Tally, seenAtBegin: Tally['seen'], asked: boolean, now: number): Tally {
  const through = seenAtBegin ? seenAtBegin.delivery + seenAtBegin.waitingBehind : 0
  const nothings = asked ? tally.nothings + 1 : tally.nothings
  return {
    ...tally,
    // A consumer created since the claim began counts from 1 again.
    voidThrough: isSameConsumer(tally, seenAtBegin)
      ? Math.max(tally.voidThrough, through)
      : tally.voidThrough,
    nothings,
    pausedUntil: asked ? now + pauseAfter(nothings) : tally.pausedUntil,
  }
}

/** A claim found work: its tokens are useful again. */
export const onGrant = (tally: Tally): Tally => ({ ...tally, nothings: 0, pausedUntil: 0 })

/** No pause after the first: another agent may have been faster. Then 1 s, doubling up to 15 s. */
export const pauseAfter = (nothings: number): number =>
  nothings < 2 ? 0 : Math.min(15_000, 1000 * 2 ** (nothings - 2))

const isSameConsumer = (tally: Tally, seenAtBegin: Tally['seen']): boolean =>
  seenAtBegin !== null && tally.seen !== null && tally.seen.delivery >= seenAtBegin.delivery
