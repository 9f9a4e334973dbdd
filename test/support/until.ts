import { setTimeout as pause } from 'node:timers/promises'
import { slowness } from './slowness.ts'

/** Looks until the condition returns something, for at most `seconds` of a usual machine; then says what it waited for. */
export async function until<T>(
  what: string,
  seconds: number,
  look: () => Promise<T | false | null | undefined> | T | false | null | undefined,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000 * slowness
  let last: unknown
  for (;;) {
    try {
      const found = await look()
      if (found !== false && found !== null && found !== undefined) return found
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() > deadline)
      throw new Error(`waited ${Math.round(seconds * slowness)} s in vain: ${what}`, { cause: last })
    await pause(50)
  }
}
