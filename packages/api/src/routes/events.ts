import { EventsQuery } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { openChangeFeed } from '../http/change-feed.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { answerEvents } from '../http/event-stream.ts'

export function eventEndpoints(deps: Deps): Endpoint[] {
  const feed = openChangeFeed(deps.bus)
  return [
    endpoint({
      method: 'get',
      path: '/api/events',
      scope: 'read',
      tag: 'Summary',
      summary:
        'Changes of tasks, modules and agents as server-sent events; resync: some may be missing, read again',
      query: EventsQuery,
      answers: { 200: { description: 'text/event-stream: {kind, id, status, updatedAt}, or resync' } },
      async handle(c, { query }) {
        const lastEventId = c.req.header('last-event-id') ?? query.lastEventId
        return answerEvents(c, (signal) => feed.follow(lastEventId, signal))
      },
    }),
  ]
}
