import { isIP } from 'node:net'
import { hostname } from 'node:os'

/**
 * Whether a request means this server by its Host header. A page can have its own name that resolves to 127.0.0.1, and
 * then is allowed by its browser to read what is answered; the name in the header gives it away.
 */
export function isOurName(host: string | undefined, listensOn: string): boolean {
  const name = (host ?? '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
  if (name === 'localhost' || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name)) return true
  // One that listens for other machines is asked by its address or its name, neither of which a page can take.
  const isLocal = /^(localhost|::1|127\..*)$/.test(listensOn)
  return (
    !isLocal && (isIP(name) !== 0 || name === listensOn.toLowerCase() || name === hostname().toLowerCase())
  )
}
