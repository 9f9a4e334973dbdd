import type { Deps } from '../deps.ts'

/** Work that goes on after the answer. Should it break off, its marks are there, and the tick carries on. */
export function inBackground(deps: Deps, what: string, work: Promise<unknown>): void {
  work.catch((err) => deps.logger.warn({ err }, `${what} broke off; the tick carries on`))
}
