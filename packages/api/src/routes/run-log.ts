import {
  type AgentId,
  isTerminal,
  type LogLine,
  type LogQuery,
  parseRunId,
  taskEvent,
} from '@millrace/shared'
import { Failure } from '../failure.ts'
import type { Ctx } from '../http/env.ts'
import { answerEvents, type Events, eventText } from '../http/event-stream.ts'
import { longPoll } from '../http/long-poll.ts'
import { agentOfRun, liveLines } from '../operations/events/live-lines.ts'
import { runLines } from '../operations/events/run-lines.ts'
import type { Ports } from '../ports.ts'
import type { RunDoc } from '../store/documents/run.ts'

const longestReadMs = 60_000

/** The same lines with the same numbers from an active run (log stream) and an ended one (archive). */
export async function answerLog(ports: Ports, c: Ctx, run: RunDoc, query: LogQuery): Promise<Response> {
  if (run.archive === 'removed')
    throw new Failure('not_found', 'The log of this run was removed, as the retention settings require.')
  if (query.follow === '1') return answerEvents(c, (gone) => follow(ports, run, query, gone))
  const lines = await chosen(ports, run, query)
  c.header('Content-Type', 'application/x-ndjson')
  return c.body(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

/** The first lines that match, or the last: no more than these are kept in memory, and no more are read than needed. */
async function chosen(
  ports: Ports,
  run: RunDoc,
  { stream, since, tail, limit }: LogQuery,
): Promise<LogLine[]> {
  const most = Math.min(tail ?? limit, limit)
  let lines: LogLine[] = []
  for await (const batch of linesAfter(ports, run, since ?? 0, AbortSignal.timeout(longestReadMs))) {
    lines.push(...(stream ? batch.filter((line) => line.stream === stream) : batch))
    if (tail === undefined && lines.length >= most) break
    if (lines.length > most) lines = lines.slice(-most)
  }
  return lines.slice(0, most)
}

async function* linesAfter(
  ports: Ports,
  run: RunDoc,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<LogLine[]> {
  const task = await ports.store.tasks.get(run.task)
  yield* runLines(ports, task, { run: run._id, after }, signal)
}

const agentNow = async (ports: Ports, run: RunDoc): Promise<AgentId | null> =>
  agentOfRun(run, await ports.store.tasks.get(run.task), run._id)

/** Sends the lines so far, then new ones, until the run has ended. */
async function* follow(ports: Ports, run: RunDoc, query: LogQuery, gone: AbortSignal): Events {
  let last = query.since ?? 0
  const eventsOf = function* (lines: readonly LogLine[]) {
    for (const line of lines) {
      if (line.n <= last || (query.stream && line.stream !== query.stream)) continue
      last = line.n
      yield eventText({ event: 'log', id: String(line.n), data: line })
    }
  }
  const over = new AbortController()
  const endWhenOver = async () => {
    if (await hasEnded(ports, run)) over.abort()
  }
  const look = () =>
    void endWhenOver().catch((err) => ports.logger.warn({ err }, 'reading a run failed; retrying'))
  const stopListening = ports.bus.listen([taskEvent(parseRunId(run._id).task)], look)
  const lookAgain = setInterval(look, 5_000)
  try {
    await endWhenOver()
    const signal = AbortSignal.any([gone, over.signal])
    const agent = await claimed(ports, run, signal)
    if (agent) {
      for await (const batch of liveLines(ports, { agent, run: run._id }, { follow: true, signal })) {
        yield* eventsOf(batch.lines)
        if (batch.progress) yield eventText({ event: 'progress', data: batch.progress })
      }
    }
    for await (const lines of linesAfter(ports, run, last, gone)) yield* eventsOf(lines)
    yield eventText({ event: 'end', data: {} })
  } finally {
    clearInterval(lookAgain)
    stopListening()
  }
}

/** Waits for the run's agent; `null` when the signal came first. */
async function claimed(ports: Ports, run: RunDoc, signal: AbortSignal): Promise<AgentId | null> {
  const subjects = [taskEvent(run.task)]
  while (!signal.aborted) {
    const agent = await longPoll(ports.bus, { subjects, seconds: 60, signal }, async () => {
      return run.agentId ?? (await agentNow(ports, run)) ?? undefined
    })
    if (agent) return agent
  }
  return null
}

async function hasEnded(ports: Ports, run: RunDoc): Promise<boolean> {
  const task = await ports.store.tasks.get(run.task)
  return !task || task.currentRun !== run._id || isTerminal(task.status)
}
