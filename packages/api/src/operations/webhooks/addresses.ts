import { lookup as resolveName } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Resolves a name to all of its addresses. */
export type Resolve = (host: string) => Promise<string[]>
export const resolveByDns: Resolve = async (host) =>
  (await resolveName(host, { all: true })).map(({ address }) => address)

/** The range of IPv6 that is allocated to the internet; every address outside is special, listed or not. */
const openIpv6 = ipaddr.IPv6.parse('2000::')

/** Whether an address belongs to the internet, not to this machine or a private network. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (parsed instanceof ipaddr.IPv6 && !parsed.match(openIpv6, 3)) return false
  return parsed.range() === 'unicast'
}

/** What is wrong with the URL of a receiver; `null` when its host may be resolved. */
export function faultOfUrl(text: string, allowPrivate: boolean): string | null {
  if (!URL.canParse(text)) return 'is no URL'
  const { protocol, hostname, username, password } = new URL(text)
  if (protocol !== 'https:' && protocol !== 'http:') return `must be http or https, not ${protocol}`
  if (username || password) return 'must have no user name or password in it'
  const host = bare(hostname)
  if (allowPrivate) return null
  if (isIP(host) ? !isPublic(host) : isLocalName(host))
    return `must not lead to this machine or a private network (${host}); WEBHOOK_ALLOW_PRIVATE=1 allows it`
  return null
}

/**
 * Resolves a name once, and connects to exactly these addresses, so that a changing DNS answer cannot redirect the
 * connection. One private address among them rejects all. Of several, the connection takes the first that answers.
 */
export function pinnedLookup(resolve: Resolve, allowPrivate: boolean): LookupFunction {
  return (host, { all }, done) => {
    resolve(host).then(
      (addresses) => {
        const refused = allowPrivate ? undefined : addresses.find((address) => !isPublic(address))
        const [first] = addresses
        if (refused !== undefined)
          return done(new Error(`${host} leads to the private address ${refused}`), [])
        if (first === undefined) return done(new Error(`${host} has no address`), [])
        if (all)
          done(
            null,
            addresses.map((address) => ({ address, family: isIP(address) })),
          )
        else done(null, first, isIP(first))
      },
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), []),
    )
  }
}

export const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')

const isLocalName = (host: string): boolean =>
  /(^|\.)(localhost|local|internal|localdomain|home\.arpa)\.?$/i.test(host) ||
  !host.replace(/\.$/, '').includes('.')
