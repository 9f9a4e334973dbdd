import type { AgentId, LogLine } from '@millrace/shared'
import { Failure } from '../../failure.ts'
import type { Ports } from '../../ports.ts'

/** The newest lines of a log that are kept: their number, and the bytes of their JSON. A document may have 16 MiB. */
const kept = { lines: 5_000, bytes: 4 * 1024 * 1024 }
/** Kept for one module on one agent, in addition to the logs of its present contents. */
const oldLogs = 5
const logsOfAgent = 10_000

/** One document per module content and agent: the lines of its last install, set-up and test. */
export const installLogId = (agent: AgentId, module: string, digest: string): string =>
  `${agent}:${module}:${digest}`

export type InstallLogOf = { agent: AgentId; module: string; digest: string }

/** Appends lines. Known lines are skipped by number; a first line begins a new log. */
export async function appendInstallLog(
  ports: Ports,
  of: InstallLogOf,
  lines: readonly LogLine[],
): Promise<void> {
  const id = installLogId(of.agent, of.module, of.digest)
  const updatedAt = ports.clock.now()
  const known = await ports.store.installLogs.get(id)
  if (!known) {
    await refuseTooMany(ports, of.agent)
    const isNew = await ports.store.installLogs.insert({ _id: id, rev: 1, lines: newest(lines), updatedAt })
    if (isNew) return removeOldLogs(ports, of)
  }
  await ports.store.installLogs.change(known ?? id, (log) => {
    const [first] = lines
    const begun = first?.n === 1 && log.lines.some((line) => line.n === 1 && line.at !== first.at)
    const last = begun ? 0 : (log.lines.at(-1)?.n ?? 0)
    const fresh = lines.filter((line) => line.n > last)
    if (fresh.length === 0) return null
    return { ...log, lines: newest([...(begun ? [] : log.lines), ...fresh]), updatedAt }
  })
}

function newest(lines: readonly LogLine[]): LogLine[] {
  let bytes = 0
  const first = lines.findLastIndex((line) => {
    bytes += Buffer.byteLength(JSON.stringify(line))
    return bytes > kept.bytes
  })
  return lines.slice(first + 1).slice(-kept.lines)
}

async function refuseTooMany(ports: Ports, agent: AgentId): Promise<void> {
  if ((await ports.store.installLogs.count(idsFrom(`${agent}:`), logsOfAgent)) < logsOfAgent) return
  throw new Failure(
    'conflict',
    `Agent ${agent} has ${logsOfAgent} install logs, which is the limit. Give it fewer modules, or remove agent.json from its AGENT_HOME to begin a new agent.`,
  )
}

/** Each edit of a module has a separate log. */
async function removeOldLogs(ports: Ports, { agent, module, digest }: InstallLogOf): Promise<void> {
  const doc = await ports.store.modules.get(module)
  const present = [
    digest,
    ...[...(doc?.entries ?? []), ...(doc?.awaiting ?? [])].flatMap((one) =>
      one.agentId === agent ? one.digest : [],
    ),
  ]
  const ids = new Set(present.map((one) => installLogId(agent, module, one)))
  const logs = await ports.store.installLogs.find(idsFrom(`${agent}:${module}:`), { limit: 2 * oldLogs })
  const old = logs.filter((log) => !ids.has(log._id))
  old.sort((a, b) => b.updatedAt.getTime() - a.updatedAt.getTime())
  for (const log of old.slice(oldLogs)) await ports.store.installLogs.removeUnchanged(log)
}

/** The range of ids with this prefix; after a colon comes a semicolon. */
const idsFrom = (beginning: string) => ({ _id: { $gte: beginning, $lt: `${beginning.slice(0, -1)};` } })
