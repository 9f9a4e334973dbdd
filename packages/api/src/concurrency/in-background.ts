import type { Ports } from '../ports.ts'

/** Work that goes on after the answer. Should it break off, its marks are there, and the tick carries on. */
export function inBackground(ports: Ports, what: string, work: Promise<unknown>): void {
  work.catch((err) => ports.logger.warn({ err }, `${what} broke off; the tick carries on`))
}
