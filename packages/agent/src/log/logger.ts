import { type Logger, pino } from 'pino'

/** JSON lines on standard output. Presigned URLs and keys are taken out wherever they might slip in. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: undefined,
    redact: { paths: ['key', 'password', 'authorization', '*.password', '*.authorization'], censor: '…' },
    serializers: { err: errorForLog },
  })
}

/** An error without the query of any URL in its text: that is where signatures are. */
export function errorForLog(error: unknown): { type: string; message: string; cause?: string } {
  if (!(error instanceof Error)) return { type: typeof error, message: withoutQueries(String(error)) }
  const cause = error.cause instanceof Error ? { cause: withoutQueries(error.cause.message) } : {}
  return { type: error.name, message: withoutQueries(error.message), ...cause }
}

export const withoutQueries = (text: string): string =>
  text.replace(/(https?:\/\/[^\s?"']+)\?[^\s"']*/g, '$1?…')
