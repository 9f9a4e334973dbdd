import { isTerminal, type LogLine, type Progress, parseRunId, type RunId, taskEvent } from '@millrace/shared'
import { sleep } from '@millrace/std/time'
import type { Bus } from '../../bus/bus.ts'
import { BusAway } from '../../bus/bus.ts'
import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { linesAfter, type State, stepsFrom, within } from './history.ts'
import { liveLines } from './live-lines.ts'
import { increasing } from './parse-lines.ts'
import type { Position } from './position.ts'
import { runLines } from './run-lines.ts'

/** What happened to a task, and the position of a reader after it. The lines are of one run, in order. */
export type TaskNews = { position: Position } & (
  | { kind: 'state'; state: State }
  | { kind: 'lines'; run: RunId; lines: LogLine[] }
  | { kind: 'progress'; run: RunId; progress: Progress; at: string }
  | { kind: 'end'; task: TaskDoc }
)

const lookAgainMs = 15_000

/**
 * All events of a task from a position on, over all of its attempts, until it has ended. States come from the document,
 * so that none is missed; lines come live, and from the archive for ended runs. Without NATS this reads the task every
 * 15 s, and lines come once they are archived. `look` reads the task; `null`: it was removed.
 */
export async function* followTask(
  ports: Ports,
  from: { task: TaskDoc; position: Position; look: () => Promise<TaskDoc | null>; signal: AbortSignal },
): AsyncGenerator<TaskNews, void, void> {
  const { look, signal } = from
  let position = within(from.task, from.position)
  const bell = openBell(ports.bus, taskEvent(from.task._id), signal)
  try {
    while (!signal.aborted) {
      const rung = bell.next()
      const task = await look()
      if (!task) return
      for await (const news of catchUp(ports, task, position, signal)) {
        position = news.position
        yield news
      }
      if (isTerminal(task.status)) {
        yield { kind: 'end', task, position: { ...position, ended: true } }
        return
      }
      const run = task.status === 'running' ? task.currentRun : null
      if (!run) await sleep(lookAgainMs, rung)
      else
        for await (const news of live(ports, { task, run }, position, rung)) {
          position = news.position
          yield news
        }
    }
  } finally {
    bell.close()
  }
}

/** Rings on a message. `next` listens from its call on, so that no message is lost before the task is read. */
function openBell(bus: Bus, subject: string, gone: AbortSignal) {
  let heard = new AbortController()
  const close = bus.listen([subject], () => heard.abort())
  return {
    next(): AbortSignal {
      heard = new AbortController()
      return AbortSignal.any([heard.signal, gone])
    },
    close,
  }
}

async function* catchUp(
  ports: Ports,
  task: TaskDoc,
  from: Position,
  signal: AbortSignal,
): AsyncGenerator<TaskNews> {
  let position = from
  for (const step of stepsFrom(task, from)) {
    if (step.kind === 'state') {
      position = { ...position, state: step.state.n, ended: false }
      yield { kind: 'state', state: step.state, position }
      continue
    }
    const after = linesAfter(position, step.run)
    if (after === null) continue
    try {
      for await (const lines of runLines(ports, task, { run: step.run, after }, signal)) {
        position = behind(position, step.run, lines)
        yield { kind: 'lines', run: step.run, lines, position }
      }
    } catch (error) {
      if (!(error instanceof BusAway)) throw error
    }
  }
}

const behind = (position: Position, run: RunId, lines: readonly LogLine[]): Position => ({
  ...position,
  attempt: parseRunId(run).attempt,
  line: lines.at(-1)?.n ?? position.line,
})

/** Lines and progress of the current run, until the bell rings or the task has changed without an announcement. */
async function* live(
  ports: Ports,
  { task, run }: { task: TaskDoc; run: RunId },
  from: Position,
  rung: AbortSignal,
): AsyncGenerator<TaskNews> {
  const over = new AbortController()
  const looking = setInterval(() => void endWhenOver(ports, task, over), lookAgainMs)
  const signal = AbortSignal.any([rung, over.signal])
  let position = from
  try {
    const { agentId: agent } = task
    const batches = agent ? liveLines(ports, { agent, run }, { follow: true, signal }) : []
    for await (const batch of batches) {
      const last = linesAfter(position, run)
      if (last === null) return
      // The log is read from its beginning, so skip the lines that the reader has.
      const lines = increasing(batch.lines, last)
      if (lines.length > 0) {
        position = behind(position, run, lines)
        yield { kind: 'lines', run, lines, position }
      }
      if (batch.progress && (lines.length > 0 || batch.from > last))
        yield { kind: 'progress', run, progress: batch.progress, at: batch.at, position }
    }
  } catch (error) {
    if (!(error instanceof BusAway)) throw error
  } finally {
    clearInterval(looking)
  }
  await sleep(lookAgainMs, signal)
}

async function endWhenOver(ports: Ports, task: TaskDoc, over: AbortController): Promise<void> {
  try {
    const now = await ports.store.tasks.get(task._id)
    if (now?.status !== task.status || now.currentRun !== task.currentRun) over.abort()
  } catch (err) {
    ports.logger.debug({ err, task: task._id }, 'reading a followed task failed')
  }
}
