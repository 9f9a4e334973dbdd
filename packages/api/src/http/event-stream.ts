import { finishesWithin } from '@millrace/std/time'
import { watchCaller } from './caller-gone.ts'
import type { Ctx } from './env.ts'

/** What a reader takes at a time: whole server-sent events. */
export type Events = AsyncGenerator<string, void, void>

const pace = {
  /** So that proxies keep the connection, and both sides notice when it is gone. */
  commentMs: 15_000,
  /** A reader that takes nothing for so long is cut off: it comes back with the last id it has seen. */
  stalledMs: 60_000,
}

/**
 * Answers with server-sent events (WHATWG HTML). The next ones are made when the reader has taken the last, so that
 * a slow reader holds up itself alone and keeps nothing in memory. `events` ends when its signal says that the
 * reader is gone. A raw stream: the framework's own helper takes twice the memory for each reader.
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
  // From here on it listens: who has got the headers and reads something else first misses nothing.
  let pending: Promise<IteratorResult<string, void>> | null = source.next()
  pending.catch(() => undefined) // told to the reader that asks for it
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
            logger.info('a reader of events took nothing for too long and was cut off')
            controller.error(new Error('the reader of events has stalled'))
            end().catch((err) => logger.warn({ err }, 'a stream of events did not end cleanly'))
          }, stalledMs)
        }
        // At once, so that the headers leave even where nothing follows for a while.
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
          // The reader connects again and goes on where it was.
          if (!gone.signal.aborted) logger.warn({ err }, 'a stream of events broke off')
        }
        if (!gone.signal.aborted) controller.close()
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  )
  return c.body(body)
}

/** `close` is called when nothing more will come, for whatever reason. */
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

/** Says where a reader is that has got nothing yet; browsers keep it, and show no event. */
export const idText = (id: string): string => `id: ${id}\n\n`

const encoder = new TextEncoder()
const comment = ': millrace\n\n'
