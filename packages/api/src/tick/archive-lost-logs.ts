import { type LogLine, logOutput } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { runObjectKey } from '../objects/keys.ts'

const atOnce = 5
const linesKept = 50_000

/** A lost run's agent can no longer save its log: what reached the stream is saved in its place. */
export async function archiveLostLogs(deps: Deps): Promise<void> {
  for (const run of await deps.store.runs.find({ archive: 'due' }, { limit: atOnce })) {
    const lines = new Map<number, LogLine>()
    for await (const batch of deps.bus.logs(run._id, { follow: false, signal: AbortSignal.timeout(5_000) })) {
      for (const line of batch.lines) if (lines.size < linesKept) lines.set(line.n, line)
    }
    const text = [...lines.values()].map((line) => `${JSON.stringify(line)}\n`).join('')
    await deps.objects.write(runObjectKey(run._id, logOutput, 0), text, 'application/x-ndjson')
    const log = { lines: lines.size, bytes: Buffer.byteLength(text), truncated: lines.size >= linesKept }
    await deps.store.runs.change(run, (current) =>
      current.archive === 'due' ? { ...current, archive: 'done', log } : null,
    )
  }
}
