import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { bare, faultOfUrl, isPublic, pinnedLookup, type Resolve } from './addresses.ts'

export type Answered = { status: number | null; error: string | null }

const patienceMs = 15_000

/**
 * Sends a body and reads only the status of the answer. Follows no redirect, which could lead to an address that the URL
 * may not have. Resolves in time, whatever the receiver does.
 */
export async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
  options: { allowPrivate: boolean; resolve: Resolve },
): Promise<Answered> {
  const fault = faultOfUrl(url, options.allowPrivate) ?? faultOfHost(url, options.allowPrivate)
  if (fault) return { status: null, error: `the URL ${fault}` }
  try {
    const status = await statusOf(url, headers, body, options)
    return { status, error: faultOfStatus(status) }
  } catch (error) {
    return { status: null, error: wordsOf(error) }
  }
}

function statusOf(
  url: string,
  headers: Record<string, string>,
  body: string,
  options: { allowPrivate: boolean; resolve: Resolve },
): Promise<number> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method: 'POST',
      agent: false,
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      lookup: pinnedLookup(options.resolve, options.allowPrivate),
      signal: AbortSignal.timeout(patienceMs),
    })
    request.once('response', (response) => {
      response.destroy()
      resolve(response.statusCode ?? 0)
    })
    request.on('error', reject)
    // An answer with another protocol closes the connection without any error.
    request.once('close', () => reject(new Error('the connection was closed without an answer')))
    request.end(body)
  })
}

/** Node does not resolve an address, so the lookup cannot check it. */
function faultOfHost(url: string, allowPrivate: boolean): string | null {
  const host = bare(new URL(url).hostname)
  return !allowPrivate && isIP(host) && !isPublic(host) ? `leads to the private address ${host}` : null
}

function faultOfStatus(status: number): string | null {
  if (status >= 200 && status < 300) return null
  return status >= 300 && status < 400 ? `redirects are not followed (${status})` : `answered ${status}`
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, 500)
  if (error.name === 'TimeoutError' || error.name === 'AbortError')
    return `no answer within ${patienceMs / 1000} s`
  // No address was reachable: each has a separate error.
  const causes = error instanceof AggregateError ? error.errors.map(wordsOf).join('; ') : ''
  return (error.message || causes || error.name).slice(0, 500)
}
