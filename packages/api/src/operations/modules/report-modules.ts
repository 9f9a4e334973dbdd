import type { InventoryAnswer, InventoryModule } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { Serves } from '../../store/documents/access.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { ModuleDoc } from '../../store/documents/module.ts'
import { awaits } from './approval.ts'
import { judgeReport, leftOutAs, type Withheld } from './judge-report.ts'
import { announceModules, refreshModules } from './refresh-modules.ts'
import { writeReport } from './write-report.ts'

const shownOnAgent = 100

/** An agent reports its modules and their status: the only place that updates the registry from reports. */
export async function reportModules(
  ports: Ports,
  agent: AgentDoc,
  serves: Serves,
  inventory: readonly InventoryModule[],
): Promise<InventoryAnswer> {
  const now = ports.clock.now()
  const reporter = { _id: agent._id, trusted: serves.trusted, at: now }
  const { taken, leftOut } = judgeReport(serves, inventory)
  // Only for a trusted key: other reports may never count, and the consumer of such a module would stay.
  if (serves.trusted)
    await Promise.all(
      taken.filter((one) => one.status === 'AVAILABLE').map((one) => ensureWork(ports, one.name)),
    )
  const reported = Map.groupBy(taken, (one) => one.name)
  const changed: string[] = []
  for (const [name, some] of reported) {
    const outcome = await writeReport(ports, name, reporter, some)
    if (outcome === 'changed') changed.push(name)
    if (outcome !== 'full') continue
    leftOut.push(...some.map((one) => leftOutAs(one, full(name))))
    reported.delete(name)
  }
  const gone = (await reportedBefore(ports, agent)).filter((name) => !reported.has(name))
  for (const name of gone) await writeReport(ports, name, reporter, [])
  await ports.store.agents.change(agent, (current) =>
    current.sessionId === agent.sessionId
      ? {
          ...current,
          modules: current.modules.filter((one) => reported.has(one.name)),
          trusted: serves.trusted,
          leftOut: leftOut.slice(0, shownOnAgent).map(({ name, reason }) => ({ name, reason })),
          updatedAt: now,
        }
      : null,
  )
  await refreshModules(ports, [...reported.keys(), ...gone])
  await announceModules(ports, [...changed, ...gone])
  const modules = await ports.store.modules.many([...reported.keys()])
  return answerTo(modules, agent, leftOut)
}

/** Without NATS the tick creates it later; the report counts all the same. */
async function ensureWork(ports: Ports, module: string): Promise<void> {
  try {
    await ports.bus.ensureWork(module)
  } catch (err) {
    ports.logger.warn({ err, module }, 'creating the consumer of a module failed; the tick retries')
  }
}

const full = (name: string): string =>
  `Too many modules await approval. Approve ${name} for another agent, or delete the keys of agents whose modules you do not want.`

async function reportedBefore(ports: Ports, { _id, trusted }: AgentDoc): Promise<string[]> {
  const [counted, awaiting] = await Promise.all([
    ports.store.modules.find({ 'entries.agentId': _id }, { limit: 1_000 }),
    trusted ? [] : ports.store.modules.find({ 'awaiting.agentId': _id }, { limit: 1_000 }),
  ])
  return [...new Set([...counted, ...awaiting].map((module) => module._id))]
}

function answerTo(modules: readonly ModuleDoc[], agent: AgentDoc, leftOut: Withheld): InventoryAnswer {
  const peaks = modules.flatMap((module) => module.peaks.map(({ digest, ...peak }) => [digest, peak]))
  const waiting = modules.flatMap((module) =>
    module.awaiting
      .filter((one) => one.agentId === agent._id)
      .map(({ version, digest }) => ({
        name: module._id,
        version,
        digest,
        reason: awaits(module._id, version),
        needsApproval: true,
      })),
  )
  const withheld = [...leftOut, ...waiting]
  return {
    modules: Object.fromEntries(modules.map(({ _id, disabled }) => [_id, disabled ? 'disabled' : 'enabled'])),
    ...(peaks.length > 0 ? { peaks: Object.fromEntries(peaks) } : {}),
    ...(withheld.length > 0 ? { withheld } : {}),
  }
}
