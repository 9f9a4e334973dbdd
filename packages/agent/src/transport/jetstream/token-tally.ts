/** What is known about the tokens of one module. */
export type Tally = {
  /** The newest delivery, and how many tokens waited behind it then. */
  seen: { delivery: number; waitingBehind: number } | null
  /** Tokens delivered up to this number were there before a claim that found nothing. */
  voidThrough: number
  /** Claims in a row that tokens of this module asked for and that found nothing. */
  nothings: number
  /** Its tokens are left alone until then (ms). */
  pausedUntil: number
}

export const freshTally: Tally = { seen: null, voidThrough: 0, nothings: 0, pausedUntil: 0 }

/** A token came. Delivery numbers that go back mean a new consumer: nothing known of the old one holds. */
export function onToken(tally: Tally, token: { delivery: number; waitingBehind: number }): Tally {
  const renewed = tally.seen !== null && token.delivery <= tally.seen.delivery
  return {
    ...tally,
    seen: { delivery: token.delivery, waitingBehind: token.waitingBehind },
    voidThrough: renewed ? 0 : tally.voidThrough,
  }
}

/** Whether a token was already answered by a claim that began after it was sent. */
export const isVoid = (tally: Tally, token: { delivery: number }): boolean =>
  token.delivery <= tally.voidThrough

/**
 * A claim found nothing, and began after `seen` was delivered: every token that waited behind that one is
 * void. By delivery number, since other agents take some of them.
 */
export function onNothing(tally: Tally, seenAtBegin: Tally['seen'], asked: boolean, now: number): Tally {
  const through = seenAtBegin ? seenAtBegin.delivery + seenAtBegin.waitingBehind : 0
  const nothings = asked ? tally.nothings + 1 : tally.nothings
  return {
    ...tally,
    // A new consumer since the claim began counts from 1 again.
    voidThrough: isSameConsumer(tally, seenAtBegin)
      ? Math.max(tally.voidThrough, through)
      : tally.voidThrough,
    nothings,
    pausedUntil: asked ? now + pauseAfter(nothings) : tally.pausedUntil,
  }
}

/** Work was found: its tokens are worth listening to. */
export const onGrant = (tally: Tally): Tally => ({ ...tally, nothings: 0, pausedUntil: 0 })

/** The first costs no pause: with several agents another one was faster. Then 1 s, doubling to 15 s. */
export const pauseAfter = (nothings: number): number =>
  nothings < 2 ? 0 : Math.min(15_000, 1000 * 2 ** (nothings - 2))

const isSameConsumer = (tally: Tally, seenAtBegin: Tally['seen']): boolean =>
  seenAtBegin !== null && tally.seen !== null && tally.seen.delivery >= seenAtBegin.delivery
