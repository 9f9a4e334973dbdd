import { contract } from '@millrace/shared'
import { openChangeFeed } from '../http/change-feed.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { answerEvents } from '../http/event-stream.ts'
import type { Ports } from '../ports.ts'

export function eventEndpoints(ports: Ports): Endpoint[] {
  const feed = openChangeFeed(ports.bus)
  return [
    endpoint(contract.followChanges, async (c, { query }) => {
      const lastEventId = c.req.header('last-event-id') ?? query.lastEventId
      return answerEvents(c, (signal) => feed.follow(lastEventId, signal))
    }),
  ]
}
