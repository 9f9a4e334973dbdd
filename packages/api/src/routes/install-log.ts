import { type InstallLogQuery, type LogLine, moduleEvent } from '@millrace/shared'
import { streamSSE } from 'hono/streaming'
import { watchCaller } from '../http/caller-gone.ts'
import type { Ctx } from '../http/env.ts'
import type { Ports } from '../ports.ts'

type Place = { module: string; id: string }

const lookAgainMs = 2_000
const commentMs = 15_000

/** The lines of an installation, set-up and test, as they are or as they come. `null`: there are none yet. */
export async function answerInstallLog(
  ports: Ports,
  c: Ctx,
  place: Place | null,
  query: InstallLogQuery,
): Promise<Response> {
  if (query.follow === '1' && place) return follow(ports, c, place, query)
  const lines = place ? await linesAfter(ports, place, query.since ?? 0) : []
  c.header('Content-Type', 'application/x-ndjson')
  return c.body(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

async function linesAfter(ports: Ports, { id }: Place, since: number): Promise<LogLine[]> {
  const log = await ports.store.installLogs.get(id)
  return (log?.lines ?? []).filter((line) => line.n > since)
}

/** Until the reader goes away: a module may be tested again at any time. */
function follow(ports: Ports, c: Ctx, place: Place, query: InstallLogQuery): Response {
  const close = c.var.budget.openStream()
  return streamSSE(c, async (stream) => {
    const gone = new AbortController()
    stream.onAbort(() => gone.abort())
    const stopWatching = watchCaller(c, () => gone.abort())
    let last = query.since ?? Number(c.req.header('last-event-id') ?? 0)
    let wake = Promise.withResolvers<void>()
    const stopListening = ports.bus.listen([moduleEvent(place.module)], () => wake.resolve())
    const again = setInterval(() => wake.resolve(), lookAgainMs)
    const comment = setInterval(() => void stream.write(': still here\n\n'), commentMs)
    gone.signal.addEventListener('abort', () => wake.resolve())
    try {
      while (!gone.signal.aborted) {
        const next = Promise.withResolvers<void>()
        wake = next
        for (const line of await linesAfter(ports, place, last)) {
          last = line.n
          await stream.writeSSE({ event: 'log', id: String(line.n), data: JSON.stringify(line) })
        }
        await next.promise
      }
    } finally {
      clearInterval(again)
      clearInterval(comment)
      stopListening()
      stopWatching()
      close()
    }
  })
}
