import type { AgentId, LogLine } from '@millrace/shared'
import type { Deps } from '../../deps.ts'

const linesKept = 5_000

/** One document per module content and agent: the lines of its last install, set-up and test. */
export const installLogId = (agent: AgentId, module: string, digest: string): string =>
  `${agent}:${module}:${digest}`

/** Appends lines. Those that are there already are skipped by number; a first line begins a new log. */
export async function appendInstallLog(deps: Deps, id: string, lines: readonly LogLine[]): Promise<void> {
  const updatedAt = deps.clock.now()
  if (await deps.store.installLogs.insert({ _id: id, rev: 1, lines: lines.slice(-linesKept), updatedAt }))
    return
  await deps.store.installLogs.change(id, (log) => {
    const [first] = lines
    const begun = first?.n === 1 && log.lines.some((line) => line.n === 1 && line.at !== first.at)
    const last = begun ? 0 : (log.lines.at(-1)?.n ?? 0)
    const fresh = lines.filter((line) => line.n > last)
    if (fresh.length === 0) return null
    return { ...log, lines: [...(begun ? [] : log.lines), ...fresh].slice(-linesKept), updatedAt }
  })
}
