import {
  type AgentId,
  isTerminal,
  type LogLine,
  type LogQuery,
  logOutput,
  parseRunId,
  taskEvent,
} from '@millrace/shared'
import { Failure } from '../failure.ts'
import type { Ctx } from '../http/env.ts'
import { answerEvents, type Events, eventText } from '../http/event-stream.ts'
import { longPoll } from '../http/long-poll.ts'
import { runObjectKey } from '../objects/keys.ts'
import { agentOfRun, liveLines } from '../operations/events/live-lines.ts'
import { parseLines } from '../operations/events/parse-lines.ts'
import type { Ports } from '../ports.ts'
import type { RunDoc } from '../store/documents/run.ts'

/** The same lines with the same numbers from a live run (log stream) and an ended one (S3). */
export async function answerLog(ports: Ports, c: Ctx, run: RunDoc, query: LogQuery): Promise<Response> {
  if (run.archive === 'removed')
    throw new Failure('not_found', 'The log of this run was removed, as the retention settings require.')
  if (query.follow === '1') return answerEvents(c, (gone) => follow(ports, run, query, gone))
  const lines = choose(await linesOf(ports, run), query)
  c.header('Content-Type', 'application/x-ndjson')
  return c.body(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

/** All lines of a run, from the archive or the log stream. */
async function linesOf(ports: Ports, run: RunDoc): Promise<LogLine[]> {
  if (run.archive === 'done') {
    const text = await ports.objects.read(runObjectKey(run._id, logOutput, 0))
    if (text !== null) return parseLines(text)
  }
  const lines = new Map<number, LogLine>()
  const agent = run.agentId ?? (await agentNow(ports, run))
  if (!agent) return []
  const inTime = { follow: false, signal: AbortSignal.timeout(10_000) }
  for await (const batch of liveLines(ports, { agent, run: run._id }, inTime)) {
    for (const line of batch.lines) lines.set(line.n, line)
  }
  return [...lines.values()].sort((a, b) => a.n - b.n)
}

const agentNow = async (ports: Ports, run: RunDoc): Promise<AgentId | null> =>
  agentOfRun(run, await ports.store.tasks.get(run.task), run._id)

function choose(lines: readonly LogLine[], query: LogQuery): LogLine[] {
  const matching = lines.filter(
    (line) => (!query.stream || line.stream === query.stream) && line.n > (query.since ?? 0),
  )
  return query.tail === undefined
    ? matching.slice(0, query.limit)
    : matching.slice(-Math.min(query.tail, query.limit))
}

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
    const now = gone.aborted ? null : await ports.store.runs.get(run._id)
    if (now) yield* eventsOf(await linesOf(ports, now))
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
