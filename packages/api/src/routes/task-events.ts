import {
  contract,
  type EndEvent,
  type LogEvent,
  type ProgressEvent,
  type StateEvent,
  type TaskId,
} from '@millrace/shared'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { answerEvents, eventText } from '../http/event-stream.ts'
import { requireVisible } from '../http/visibility.ts'
import { followTask, type TaskNews } from '../operations/events/follow-task.ts'
import { knowsTheEnd } from '../operations/events/history.ts'
import { idOf, positionOf } from '../operations/events/position.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import { readTask } from '../operations/settle/read-task.ts'
import { presentTask } from '../present/task.ts'

export const taskEventEndpoints = (ports: SettlePorts): Endpoint[] => [
  endpoint(contract.followTask, async (c, { params, query }) => {
    const id = params.id
    const task = requireVisible(c, await readTask(ports, id), 'task')
    const position = positionOf(c.req.header('last-event-id') ?? query.lastEventId)
    if (knowsTheEnd(task, position)) return c.body(null, 204)
    const look = () => readTask(ports, id)
    return answerEvents(c, async function* (signal) {
      for await (const news of followTask(ports, { task, position, look, signal })) yield textOf(id, news)
    })
  }),
]

function textOf(taskId: TaskId, news: TaskNews): string {
  const id = idOf(news.position)
  switch (news.kind) {
    case 'state': {
      const { status, attempt, run: runId, at } = news.state
      const data: StateEvent = { taskId, status, attempt, runId, at: at.toISOString() }
      return eventText({ event: 'state', id, data })
    }
    case 'progress': {
      const data: ProgressEvent = { runId: news.run, ...news.progress, at: news.at }
      return eventText({ event: 'progress', id, data })
    }
    case 'lines':
      return news.lines.map((line) => lineText(news, line)).join('')
    case 'end': {
      const data: EndEvent = { task: presentTask(news.task) }
      return eventText({ event: 'end', id, data })
    }
  }
}

function lineText(
  { run, position }: Extract<TaskNews, { kind: 'lines' }>,
  line: Omit<LogEvent, 'runId'>,
): string {
  const data: LogEvent = { runId: run, ...line }
  return eventText({ event: 'log', id: idOf({ ...position, line: line.n }), data })
}
