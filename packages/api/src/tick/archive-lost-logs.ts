import { type LogLine, logOutput } from '@millrace/shared'
import { runObjectKey } from '../objects/keys.ts'
import { agentOfRun, liveLines } from '../operations/events/live-lines.ts'
import type { Ports } from '../ports.ts'

const atOnce = 5
const linesKept = 50_000

/** Archives the live log of a run whose agent is gone or could not reach the store. */
export async function archiveLostLogs(ports: Ports): Promise<void> {
  for (const run of await ports.store.runs.find({ archive: 'due' }, { limit: atOnce })) {
    const lines = new Map<number, LogLine>()
    const task = run.agentId ? null : await ports.store.tasks.get(run.task)
    const agent = agentOfRun(run, task, run._id)
    const inTime = { follow: false, signal: AbortSignal.timeout(5_000) }
    for await (const batch of agent ? liveLines(ports, { agent, run: run._id }, inTime) : []) {
      for (const line of batch.lines) if (lines.size < linesKept) lines.set(line.n, line)
    }
    const inOrder = [...lines.values()].sort((a, b) => a.n - b.n)
    const text = inOrder.map((line) => `${JSON.stringify(line)}\n`).join('')
    const key = runObjectKey(run._id, logOutput, 0)
    const saved = await ports.objects.head(key)
    if (!saved) await ports.objects.write(key, text, 'application/x-ndjson')
    const log = run.log ?? {
      lines: lines.size,
      bytes: Buffer.byteLength(text),
      truncated: lines.size >= linesKept,
    }
    await ports.store.runs.change(run, (current) =>
      current.archive === 'due' ? { ...current, archive: 'done', log } : null,
    )
  }
}
