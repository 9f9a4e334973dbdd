import { contract, type InstallLogQuery } from '@millrace/shared'
import { Failure, notFound } from '../failure.ts'
import { idOfCursor, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { sendCommand } from '../operations/agents/send-command.ts'
import { isGone } from '../operations/modules/approval.ts'
import { approveModule } from '../operations/modules/approve-module.ts'
import { findModule } from '../operations/modules/find-module.ts'
import { installLogId } from '../operations/modules/install-log.ts'
import { agentsOf } from '../operations/modules/refresh-modules.ts'
import { switchModule } from '../operations/modules/switch-module.ts'
import type { Ports } from '../ports.ts'
import { presentModule } from '../present/module.ts'
import type { ModuleEntry } from '../store/documents/module.ts'
import { answerInstallLog } from './install-log.ts'

export const moduleEndpoints = (ports: Ports): Endpoint[] => [
  endpoint(contract.listModules, async (c, { query }) => {
    const after = idOfCursor(query.cursor, '')
    const [docs, agents] = await Promise.all([
      ports.store.modules.find(after ? { _id: { $gt: after } } : {}, { sort: { _id: 1 }, limit: 1_000 }),
      connectedAgents(ports),
    ])
    const matching = docs.filter((doc) => {
      const { status, capabilities } = presentModule(doc, agents)
      if (isGone(doc)) return false
      if (query.status && status !== query.status) return false
      if (query.accepts && !capabilities.accepts.includes(query.accepts)) return false
      return !query.returns || capabilities.returns.includes(query.returns)
    })
    return c.json(
      pageFrom(matching.slice(0, query.limit + 1), query.limit, (doc) =>
        presentModule(doc, agents, { list: true }),
      ),
    )
  }),
  endpoint(
    contract.scanModules,
    async (c, { body }) => {
      const agents = body.agentId
        ? await ports.store.agents.many([body.agentId])
        : await connectedAgents(ports)
      if (body.agentId && agents.length === 0) {
        const errors = [{ path: '/agentId', message: 'no such agent' }]
        throw new Failure('invalid_request', `No agent ${body.agentId} is known.`, { errors })
      }
      await sendCommand(ports, agents, { kind: 'scan' })
      return c.json({ agents: agents.map((agent) => agent._id) }, 202)
    },
    { auditDetail: ({ agentId }) => ({ agentId }) },
  ),
  ...(['retry', 'test'] as const).map((kind) =>
    endpoint(contract[`${kind}Module`], async (c, { params }) => {
      const { doc, agents } = await moduleOf(ports, params.name)
      const asked = agents.filter((agent) => !agent.sessionEndedAt)
      await sendCommand(ports, asked, { kind, module: doc._id })
      return c.json({ agents: asked.map((agent) => agent._id) }, 202)
    }),
  ),
  ...(['enable', 'disable'] as const).map((kind) =>
    endpoint(contract[`${kind}Module`], async (c, { params }) => {
      const known = await moduleOf(ports, params.name)
      await switchModule(ports, known.doc._id, kind === 'disable')
      const { doc, agents } = await moduleOf(ports, params.name)
      return c.json({ module: presentModule(doc, agents) }, 202)
    }),
  ),
  endpoint(contract.approveModule, async (c, { params, body }) => {
    const known = await moduleOf(ports, params.name)
    const contents = await approveModule(ports, known.doc, body)
    c.set('auditDetail', { ...body, contents })
    const { doc, agents } = await moduleOf(ports, params.name)
    return c.json({ module: presentModule(doc, agents) })
  }),
  endpoint(contract.getModule, async (c, { params }) => {
    const { doc, agents } = await moduleOf(ports, params.name)
    return c.json({ module: presentModule(doc, agents) })
  }),
  endpoint(contract.getInstallLog, async (c, { params, query }) => {
    return answerInstallLog(ports, c, await installLogOf(ports, params.name, query), query)
  }),
]

async function moduleOf(ports: Ports, name: string) {
  const doc = await findModule(ports, name)
  if (!doc || isGone(doc)) throw notFound('module')
  return { doc, agents: await agentsOf(ports, doc) }
}

/** The log of the named contents and agent, else of those reported last, trusted agents first. */
async function installLogOf(ports: Ports, name: string, query: InstallLogQuery) {
  const doc = await findModule(ports, name)
  if (!doc) throw notFound('module')
  const newest = (one: ModuleEntry, other: ModuleEntry) =>
    Number(other.trusted) - Number(one.trusted) || other.since.getTime() - one.since.getTime()
  const [entry] = [...doc.entries.toSorted(newest), ...doc.awaiting.toSorted(newest)].filter(
    (one) =>
      (!query.agentId || one.agentId === query.agentId) && (!query.digest || one.digest === query.digest),
  )
  return entry ? { module: doc._id, id: installLogId(entry.agentId, doc._id, entry.digest) } : null
}

const connectedAgents = (ports: Ports) => ports.store.agents.find({ sessionEndedAt: null }, { limit: 10_000 })
