import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { bare, faultOfUrl, isPublic, pinnedLookup, type Resolve } from './addresses.ts'

export type Answered = { status: number | null; error: string | null }

const patienceMs = 15_000

/**
 * Sends a body and takes the status of the answer; the rest of it is nobody's business and is not waited for. No
 * redirect is followed: it could lead where the URL may not.
 */
export function post(
  url: string,
  headers: Record<string, string>,
  body: string,
  options: { allowPrivate: boolean; resolve: Resolve },
): Promise<Answered> {
  const fault = faultOfUrl(url, options.allowPrivate) ?? faultOfHost(url, options.allowPrivate)
  if (fault) return Promise.resolve({ status: null, error: `the URL ${fault}` })
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve) => {
    const request = send(url, {
      method: 'POST',
      agent: false,
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      lookup: pinnedLookup(options.resolve, options.allowPrivate),
      signal: AbortSignal.timeout(patienceMs),
    })
    request.once('response', (response) => {
      const status = response.statusCode ?? 0
      response.destroy()
      const redirect = status >= 300 && status < 400 ? `redirects are not followed (${status})` : null
      resolve({ status, error: status >= 200 && status < 300 ? null : (redirect ?? `answered ${status}`) })
    })
    request.once('error', (error) => resolve({ status: null, error: wordsOf(error) }))
    request.end(body)
  })
}

/** An address in place of a name is never looked up. */
function faultOfHost(url: string, allowPrivate: boolean): string | null {
  const host = bare(new URL(url).hostname)
  return !allowPrivate && isIP(host) && !isPublic(host) ? `leads to the private address ${host}` : null
}

const wordsOf = (error: Error): string =>
  error.name === 'TimeoutError' || error.name === 'AbortError'
    ? `no answer within ${patienceMs / 1000} s`
    : error.message.slice(0, 500) || error.name
