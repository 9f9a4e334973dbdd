import type { Ports } from '../ports.ts'

/** Continues work after the answer. If it fails, its markers stay, and the tick finishes it. */
export function inBackground(ports: Ports, what: string, work: Promise<unknown>): void {
  work.catch((err) => ports.logger.warn({ err }, `${what} failed; the tick continues it`))
}
