import {
  type AgentId,
  isTerminal,
  type LogLine,
  type LogQuery,
  logOutput,
  parseRunId,
  taskEvent,
} from '@millrace/shared'
import { streamSSE } from 'hono/streaming'
import { Failure } from '../failure.ts'
import { watchCaller } from '../http/caller-gone.ts'
import type { Ctx } from '../http/env.ts'
import { longPoll } from '../http/long-poll.ts'
import { runObjectKey } from '../objects/keys.ts'
import { agentOfRun, liveLines } from '../operations/events/live-lines.ts'
import { parseLines } from '../operations/events/parse-lines.ts'
import type { Ports } from '../ports.ts'
import type { RunDoc } from '../store/documents/run.ts'

/** The same lines with the same numbers, whether the run is going (from the log stream) or over (from S3). */
export async function answerLog(ports: Ports, c: Ctx, run: RunDoc, query: LogQuery): Promise<Response> {
  if (run.archive === 'removed')
    throw new Failure('not_found', 'The log of this run is gone: the settings keep none for so many days.')
  if (query.follow === '1') return follow(ports, c, run, query)
  const lines = choose(await linesOf(ports, run), query)
  c.header('Content-Type', 'application/x-ndjson')
  return c.body(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

/** All lines of a run, from wherever they are now. */
export async function linesOf(ports: Ports, run: RunDoc): Promise<LogLine[]> {
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

/** What is there, then what comes, until the run has ended. A reader that goes away ends the subscription. */
function follow(ports: Ports, c: Ctx, run: RunDoc, query: LogQuery): Response {
  const close = c.var.budget.openStream()
  return streamSSE(c, async (stream) => {
    const gone = new AbortController()
    stream.onAbort(() => gone.abort())
    const stopWatching = watchCaller(c, () => gone.abort())
    let last = query.since ?? 0
    const send = async (lines: readonly LogLine[]) => {
      for (const line of lines) {
        if (line.n <= last || (query.stream && line.stream !== query.stream)) continue
        last = line.n
        await stream.writeSSE({ event: 'log', id: String(line.n), data: JSON.stringify(line) })
      }
    }
    const over = new AbortController()
    const stopListening = ports.bus.listen([taskEvent(parseRunId(run._id).task)], () => void endWhenOver())
    const endWhenOver = async () => {
      if (await hasEnded(ports, run)) over.abort()
    }
    const lookAgain = setInterval(() => void endWhenOver(), 5_000)
    try {
      await endWhenOver()
      const signal = AbortSignal.any([gone.signal, over.signal])
      const agent = await claimed(ports, run, signal)
      if (agent) {
        for await (const batch of liveLines(ports, { agent, run: run._id }, { follow: true, signal })) {
          await send(batch.lines)
          if (batch.progress)
            await stream.writeSSE({ event: 'progress', data: JSON.stringify(batch.progress) })
        }
      }
      const now = await ports.store.runs.get(run._id)
      if (!gone.signal.aborted && now) await send(await linesOf(ports, now))
      await stream.writeSSE({ event: 'end', data: '{}' })
    } finally {
      clearInterval(lookAgain)
      stopListening()
      stopWatching()
      close()
    }
  })
}

/** The agent of the run, as soon as it has one; `null`: the signal came before. */
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
