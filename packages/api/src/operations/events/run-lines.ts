import { type AgentId, type LogLine, logOutput, type RunId } from '@millrace/shared'
import { BusAway } from '../../bus/bus.ts'
import { runObjectKey } from '../../objects/keys.ts'
import type { Ports } from '../../ports.ts'
import type { RunDoc } from '../../store/documents/run.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { agentOfRun, liveLines } from './live-lines.ts'
import { increasing, parseLines } from './parse-lines.ts'

const rangeBytes = 128 * 1024
/** No agent writes longer lines: they are skipped like damaged ones. */
const longestLine = 4 * 1024 * 1024
const streamMs = 60_000

/**
 * The lines of a run after a number, in batches: from its archive, else those that the live log has now. A run without
 * lines has no batch. Throws `BusAway` when the live log is needed and cannot be read to its end.
 */
export async function* runLines(
  ports: Ports,
  task: TaskDoc | null,
  { run: id, after }: { run: RunId; after: number },
  signal: AbortSignal,
): AsyncGenerator<LogLine[]> {
  const run = await ports.store.runs.get(id)
  const wasNeverClaimed = run?.status === 'cancelled' && !run.startedAt
  if (!run || run.archive === 'removed' || wasNeverClaimed) return
  const saved = isSaved(run, task) ? archived(ports, id, signal) : null
  if (saved && (yield* newer(saved, after))) return
  const agent = agentOfRun(run, task, id)
  if (agent) yield* streamed(ports, { agent, run: id }, after, signal)
}

/** The archive is complete before the report of the run; the run's document may name it a moment later. */
function isSaved(run: RunDoc, task: TaskDoc | null): boolean {
  const settle = task?.settle
  const isBeingEnded = (settle?.kind === 'terminal' || settle?.kind === 'requeue') && settle.run === run._id
  return run.archive === 'done' || (isBeingEnded && settle.end?.logSaved === true)
}

/** Each line once, by number. Returns whether any line was read. */
async function* newer(
  batches: AsyncGenerator<LogLine[], boolean>,
  after: number,
): AsyncGenerator<LogLine[], boolean> {
  let last = after
  try {
    for (;;) {
      const next = await batches.next()
      if (next.done) return next.value
      const fresh = increasing(next.value, last)
      if (fresh.length === 0) continue
      last = fresh.at(-1)?.n ?? last
      yield fresh
    }
  } finally {
    await batches.return(false) // a reader may leave before the last batch
  }
}

/** In parts: an archive has up to 10 MiB, and readers may be many and slow. `false`: the run has no archive. */
async function* archived(ports: Ports, run: RunId, signal: AbortSignal): AsyncGenerator<LogLine[], boolean> {
  const key = runObjectKey(run, logOutput, 0)
  const object = await ports.objects.head(key)
  if (!object) return false
  const decoder = new TextDecoder()
  let rest = ''
  for (let from = 0; from < object.size; from += rangeBytes) {
    const bytes = await ports.objects.readRange(key, from, Math.min(from + rangeBytes, object.size), signal)
    const text = rest + decoder.decode(bytes, { stream: true })
    const end = text.lastIndexOf('\n') + 1
    rest = text.length - end > longestLine ? '' : text.slice(end)
    yield parseLines(text.slice(0, end))
  }
  yield parseLines(rest)
  return true
}

/** A reader that is too slow for one NATS read gets several, as long as each brings more lines. */
async function* streamed(
  ports: Ports,
  of: { agent: AgentId; run: RunId },
  after: number,
  signal: AbortSignal,
): AsyncGenerator<LogLine[]> {
  for (let last = after; ; ) {
    const before = last
    try {
      for await (const lines of newer(batchesOf(ports, of, signal), last)) {
        last = lines.at(-1)?.n ?? last
        yield lines
      }
      return
    } catch (error) {
      if (!(error instanceof BusAway) || last === before || signal.aborted) throw error
    }
  }
}

async function* batchesOf(
  ports: Ports,
  of: { agent: AgentId; run: RunId },
  signal: AbortSignal,
): AsyncGenerator<LogLine[], boolean> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(streamMs)])
  for await (const batch of liveLines(ports, of, { follow: false, signal: inTime })) yield batch.lines
  return true
}
