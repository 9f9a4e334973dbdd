import { type Logger, pino } from 'pino'

/** JSON lines on standard output, without the signatures of presigned URLs and without keys. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: undefined,
    redact: { paths: ['key', 'password', 'authorization', '*.password', '*.authorization'], censor: '…' },
    serializers: { err: errorForLog },
    formatters: { log: withoutQueriesIn },
  })
}

/** URLs contain signatures in their queries. Errors have a separate serializer. */
const withoutQueriesIn = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, masked(value)]))

function masked(value: unknown): unknown {
  if (typeof value === 'string') return withoutQueries(value)
  if (Array.isArray(value)) return value.map(masked)
  return isPlainObject(value) ? withoutQueriesIn(value) : value
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** An error without the queries of URLs in its text, since these contain signatures. */
export function errorForLog(error: unknown): { type: string; message: string; cause?: string } {
  if (!(error instanceof Error)) return { type: typeof error, message: withoutQueries(String(error)) }
  const cause = error.cause instanceof Error ? { cause: withoutQueries(error.cause.message) } : {}
  return { type: error.name, message: withoutQueries(error.message), ...cause }
}

export const withoutQueries = (text: string): string =>
  text.replace(/(https?:\/\/[^\s?"']+)\?[^\s"']*/gi, '$1?…')
