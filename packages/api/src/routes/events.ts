import { EventsQuery } from '@millrace/shared'
import { openChangeFeed } from '../http/change-feed.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { answerEvents } from '../http/event-stream.ts'
import type { Ports } from '../ports.ts'

export function eventEndpoints(ports: Ports): Endpoint[] {
  const feed = openChangeFeed(ports.bus)
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
