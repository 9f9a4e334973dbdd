const callsAtOnce = 16

/** Some at a time: a tick must not wait for each call of many, nor make them all at once. */
export async function inSmallNumbers<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += callsAtOnce)
    await Promise.all(all.slice(at, at + callsAtOnce).map(work))
}
