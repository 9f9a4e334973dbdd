import { finishesWithin } from '@millrace/std/time'
import { watchCaller } from './caller-gone.ts'
import type { Ctx } from './env.ts'

/** Each chunk consists of whole server-sent events. */
export type Events = AsyncGenerator<string, void, void>

const pace = {
  /** Comments make proxies keep the connection, and let both sides notice its loss. */
  commentMs: 15_000,
  /** The API closes the stream of a reader that takes nothing for this time; it reconnects with its last id. */
  stalledMs: 60_000,
}

/**
 * Answers with server-sent events (WHATWG HTML). It produces an event only after the reader took the last one, so that
 * a slow reader delays only itself and takes no memory. The signal aborts `events` when the reader has disconnected.
 * A raw stream, since the framework's helper takes twice the memory for each reader.
 */
export function answerEvents(
  c: Ctx,
  events: (signal: AbortSignal) => Events,
  { commentMs, stalledMs } = pace,
): Response {
  c.header('Content-Type', 'text/event-stream; charset=utf-8')
  c.header('Cache-Control', 'no-cache')
  c.header('X-Accel-Buffering', 'no')
  if (c.req.method === 'HEAD') return c.body(null)
  const { logger } = c.var
  const close = c.var.budget.openStream()
  const gone = new AbortController()
  const denied = new AbortController()
  const stopWatching = watchCaller(c, () => denied.abort(), commentMs)
  const source = untilOver(events(AbortSignal.any([gone.signal, denied.signal])), () => {
    stopWatching()
    close()
  })
  // Listens from here on, so that a client that first reads other data misses no event.
  let pending: Promise<IteratorResult<string, void>> | null = source.next()
  pending.catch(() => undefined) // the next pull reports it
  let hasBegun = false
  let stalled: NodeJS.Timeout | undefined

  const end = async () => {
    clearTimeout(stalled)
    gone.abort()
    await source.return()
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(stalled)
        const send = (text: string) => {
          if (gone.signal.aborted) return
          controller.enqueue(encoder.encode(text))
          stalled = setTimeout(() => {
            logger.info('the reader of an event stream stalled; stream closed')
            controller.error(new Error('the reader of the event stream has stalled'))
            end().catch((err) => logger.warn({ err }, 'an event stream did not end cleanly'))
          }, stalledMs)
        }
        // Sent immediately, so that the headers leave before the first event.
        if (!hasBegun) {
          hasBegun = true
          return send(comment)
        }
        pending ??= source.next()
        try {
          if (!(await finishesWithin(commentMs, pending))) return send(comment)
          const next = await pending
          pending = null
          if (!next.done) return send(next.value)
        } catch (err) {
          // The reader reconnects and resumes at its last id.
          if (!gone.signal.aborted) logger.warn({ err }, 'an event stream failed')
        }
        if (!gone.signal.aborted) controller.close()
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  )
  return c.body(body)
}

/** Calls `close` when the events end, for any reason. */
async function* untilOver(events: Events, close: () => void): Events {
  try {
    yield* events
  } finally {
    close()
  }
}

/** One event. Its data is JSON, which has no line breaks. */
export function eventText({ event, id, data }: { event?: string; id?: string; data: unknown }): string {
  const fields = [event && `event: ${event}`, id && `id: ${id}`, `data: ${JSON.stringify(data)}`]
  return `${fields.filter(Boolean).join('\n')}\n\n`
}

/** Gives a new reader its position; browsers store the id and fire no event. */
export const idText = (id: string): string => `id: ${id}\n\n`

const encoder = new TextEncoder()
const comment = ': millrace\n\n'
