import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { Failure } from '../failure.ts'
import type { Env } from './env.ts'

const largest = 16 * 1024 * 1024

/** Refuses larger bodies. An announced size is taken at its word, which the HTTP parser holds it to. */
export function limitBodies(): MiddlewareHandler<Env> {
  const counted = bodyLimit({ maxSize: largest, onError: refuse })
  return (c, next) => {
    const announced = c.req.header('content-length')
    if (announced !== undefined) return Number(announced) > largest ? refuse() : next()
    // Counting makes a stream of the body, which is too dear for requests that have none.
    return c.req.method === 'GET' || c.req.method === 'HEAD' ? next() : counted(c, next)
  }
}

function refuse(): never {
  throw new Failure('payload_too_large', 'A body may have 16 MiB. Upload files as data.')
}
