import { TaskId } from '@millrace/shared'
import { streamSSE } from 'hono/streaming'
import type { Deps } from '../deps.ts'
import { ChangeFeed } from '../http/change-feed.ts'
import { type Endpoint, endpoint, pathId } from '../http/endpoint.ts'
import type { Ctx } from '../http/env.ts'
import { seen } from '../http/sight.ts'
import { findTask } from '../operations/batches/staged.ts'
import { answerTaskEvents } from './task-events.ts'

const commentMs = 15_000

export function eventEndpoints(deps: Deps): Endpoint[] {
  const feed = new ChangeFeed(deps.bus, deps.clock.now)
  return [
    endpoint({
      method: 'get',
      path: '/api/tasks/:id/events',
      scope: 'read',
      tag: 'Events',
      summary: 'States, progress and lines of a task as server-sent events, until it has ended',
      openToGrants: true,
      answers: {
        200: { description: 'text/event-stream' },
        204: { description: 'It has ended, and all was told' },
      },
      async handle(c) {
        const id = pathId(c, TaskId, 'task')
        return answerTaskEvents(deps, c, seen(c, await findTask(deps, id), 'task'))
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/events',
      scope: 'read',
      tag: 'Events',
      summary: 'What changes, as server-sent events; `resync` says: look at everything',
      answers: { 200: { description: 'text/event-stream' } },
      handle: (c) => answerChanges(feed, c),
    }),
  ]
}

function answerChanges(feed: ChangeFeed, c: Ctx): Response {
  c.header('X-Accel-Buffering', 'no')
  return streamSSE(c, async (stream) => {
    const gone = new AbortController()
    stream.onAbort(() => gone.abort())
    const reader = feed.open(c.req.header('last-event-id'))
    const comment = setInterval(() => void stream.write(': still here\n\n'), commentMs)
    try {
      await stream.write(': listening\n\n')
      while (!gone.signal.aborted) {
        for (const fed of await reader.next(gone.signal))
          await stream.writeSSE(
            'resync' in fed
              ? { event: 'resync', id: fed.id, data: '{}' }
              : { event: 'change', id: fed.id, data: JSON.stringify(fed.change) },
          )
      }
    } finally {
      clearInterval(comment)
      reader.close()
    }
  })
}
