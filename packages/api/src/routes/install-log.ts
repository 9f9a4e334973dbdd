import { type InstallLogQuery, type LogLine, moduleEvent } from '@millrace/shared'
import type { Ctx } from '../http/env.ts'
import { answerEvents, type Events, eventText } from '../http/event-stream.ts'
import type { Ports } from '../ports.ts'

type Place = { module: string; id: string }

const lookAgainMs = 2_000

/** The lines of an installation, set-up and test: those so far, or a live stream. `null`: none yet. */
export async function answerInstallLog(
  ports: Ports,
  c: Ctx,
  place: Place | null,
  query: InstallLogQuery,
): Promise<Response> {
  if (query.follow === '1' && place) {
    const since = query.since ?? Number(c.req.header('last-event-id') ?? 0)
    return answerEvents(c, (gone) => follow(ports, place, since, gone))
  }
  const lines = place ? await linesAfter(ports, place, query.since ?? 0) : []
  c.header('Content-Type', 'application/x-ndjson')
  return c.body(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

async function linesAfter(ports: Ports, { id }: Place, since: number): Promise<LogLine[]> {
  const log = await ports.store.installLogs.get(id)
  return (log?.lines ?? []).filter((line) => line.n > since)
}

/** Streams until the reader disconnects, since a module may be tested again at any time. */
async function* follow(ports: Ports, place: Place, since: number, gone: AbortSignal): Events {
  let last = since
  let wake = Promise.withResolvers<void>()
  const look = () => wake.resolve()
  const stopListening = ports.bus.listen([moduleEvent(place.module)], look)
  const lookAgain = setInterval(look, lookAgainMs)
  gone.addEventListener('abort', look)
  try {
    while (!gone.aborted) {
      const next = Promise.withResolvers<void>()
      wake = next
      for (const line of await linesAfter(ports, place, last)) {
        last = line.n
        yield eventText({ event: 'log', id: String(line.n), data: line })
      }
      await next.promise
    }
  } finally {
    clearInterval(lookAgain)
    stopListening()
  }
}
