import { isIP } from 'node:net'
import { hostname } from 'node:os'

/**
 * Whether the Host header names this server. A page's own host name may resolve to 127.0.0.1; its browser then lets it
 * read the answers, but the header contains that name.
 */
export function isOurName(host: string | undefined, listensOn: string): boolean {
  const name = (host ?? '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
  if (name === 'localhost' || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name)) return true
  // Other machines use its address or name, which no page can have.
  const isLocal = /^(localhost|::1|127\..*)$/.test(listensOn)
  return (
    !isLocal && (isIP(name) !== 0 || name === listensOn.toLowerCase() || name === hostname().toLowerCase())
  )
}
