import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'

/** Allows only the configured origins, and never credentials, which a bearer key does not need. */
export function corsFor(origins: readonly string[]): MiddlewareHandler {
  const forBrowsers = cors({
    origin: (origin) => (origins.includes(origin) || origins.includes('*') ? origin : null),
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID', 'X-Request-Id'],
    exposeHeaders: ['X-Request-Id', 'Retry-After', 'Idempotency-Replayed', 'Content-Disposition'],
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    maxAge: 600,
  })
  // Other clients do not use the headers, and setting them costs more than many requests as a whole.
  return (c, next) => (c.req.header('origin') === undefined ? next() : forBrowsers(c, next))
}
