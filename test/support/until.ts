import { setTimeout as pause } from 'node:timers/promises'

/** Looks until the condition gives something, at most `seconds` long; then says what was waited for. */
export async function until<T>(
  what: string,
  seconds: number,
  look: () => Promise<T | false | null | undefined> | T | false | null | undefined,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000
  let last: unknown
  for (;;) {
    try {
      const found = await look()
      if (found !== false && found !== null && found !== undefined) return found
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s in vain: ${what}`, { cause: last })
    await pause(50)
  }
}
