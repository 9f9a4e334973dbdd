import type { Wheel } from './wheels.ts'

const causes: [pattern: RegExp, reason: string][] = [
  [
    /DO NOT MATCH THE HASHES|hash mismatch|Expected sha256/i,
    'the file’s hash differs from the pinned one; it was thrown away',
  ],
  [/No space left|ENOSPC|disk is full/i, 'the disk is full'],
  [
    /ProxyError|Cannot connect to proxy|proxy connect|tunnel(ing)? (error|failed)/i,
    'the proxy does not let it through (HTTPS_PROXY, NO_PROXY)',
  ],
  [
    /CERTIFICATE_VERIFY_FAILED|SSLError|invalid peer certificate|UnknownIssuer|SELF_SIGNED/i,
    'its certificate is not trusted (SSL_CERT_FILE, PIP_CERT)',
  ],
  [
    /\b40[137]\b.*(Client Error|Unauthorized|Forbidden|Proxy)|HTTP status client error \(40[137]/i,
    'the index refuses access (401 or 403)',
  ],
  [
    /NewConnectionError|Failed to establish|Name or service not known|Temporary failure|getaddrinfo|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|Connection refused|ConnectTimeout|ReadTimeout|timed out|dns error|error sending request|Network is unreachable|fetch failed|RemoteDisconnected|ProtocolError/i,
    'it cannot be reached',
  ],
]

/**
 * One line for people from the output of an installer. Pip also prints "no matching distribution" when it cannot reach
 * the index, so this searches for causes first.
 */
export function installerFault(wheel: Wheel, output: string, index: string): string {
  const name = `${wheel.project} ${wheel.version}`
  const cause = causes.find(([pattern]) => pattern.test(output))
  if (cause) return `${name} from ${index}: ${cause[1]}`
  if (/No matching distribution|not found in the package registry|no (wheels|version)/i.test(output))
    return `${name} from ${index}: it has no such package for this platform`
  const last = output.trim().split('\n').at(-1)?.slice(0, 200)
  return `${name} from ${index}: ${last || 'the installer failed without a message'}`
}
