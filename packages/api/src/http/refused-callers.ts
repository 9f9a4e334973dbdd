import type { Ports } from '../ports.ts'
import type { Ctx } from './env.ts'

const everyMs = 60_000
/** Addresses with a separate count; all further ones share one. */
const addressesKept = 1_000
const addressesShown = 20

/** Counts requests without a valid key by address; logs and resets the counts once a minute. */
export class RefusedCallers {
  readonly #counts = new Map<string, number>()
  #others = 0
  #since = 0

  note(c: Ctx): void {
    const address = networkOf(addressOf(c))
    const count = this.#counts.get(address)
    if (count !== undefined || this.#counts.size < addressesKept) this.#counts.set(address, (count ?? 0) + 1)
    else this.#others += 1
  }

  report({ clock, logger }: Pick<Ports, 'clock' | 'logger'>): void {
    const now = clock.now().getTime()
    if (now - this.#since < everyMs) return
    this.#since = now
    if (this.#counts.size === 0) return
    const most = [...this.#counts].sort(([, a], [, b]) => b - a)
    const requests = most.reduce((sum, [, count]) => sum + count, this.#others)
    const byAddress = Object.fromEntries(most.slice(0, addressesShown))
    logger.warn({ requests, addresses: most.length, byAddress }, 'requests without a valid key rejected')
    this.#counts.clear()
    this.#others = 0
  }
}

/** The address of the connection, since any caller can forge a header. Behind a proxy it is the proxy's. */
function addressOf(c: Ctx): string {
  const socket: { remoteAddress?: string } | undefined = c.env?.incoming?.socket
  return socket?.remoteAddress ?? 'unknown'
}

/** A holder of one IPv6 address usually controls its whole /64. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:/, '')
  return plain.includes(':') ? `${plain.split(':').slice(0, 4).join(':')}::/64` : plain
}
