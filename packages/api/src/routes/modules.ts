import {
  ApproveModule,
  InstallLogQuery,
  ModuleAnswer,
  ModulePage,
  ModuleQuery,
  ScanAnswer,
  ScanRequest,
} from '@millrace/shared'
import { Failure, notFound } from '../failure.ts'
import { idOfCursor, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Ctx } from '../http/env.ts'
import { sendCommand } from '../operations/agents/tell-agents.ts'
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
  endpoint({
    method: 'get',
    path: '/api/modules',
    scope: 'read',
    tag: 'Modules',
    summary: 'List modules by name',
    query: ModuleQuery,
    answers: { 200: { description: 'A page', schema: ModulePage } },
    async handle(c, { query }) {
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
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/modules/scan',
    scope: 'write',
    tag: 'Modules',
    summary: 'Have every agent, or one, scan its modules folder',
    audit: 'modules.scan',
    body: ScanRequest,
    auditDetail: ({ agentId }) => ({ agentId }),
    answers: { 202: { description: 'Asked', schema: ScanAnswer } },
    idempotent: true,
    async handle(c, { body }) {
      const agents = body.agentId
        ? await ports.store.agents.many([body.agentId])
        : await connectedAgents(ports)
      if (body.agentId && agents.length === 0) {
        const errors = [{ path: '/agentId', message: 'there is no such agent' }]
        throw new Failure('invalid_request', `There is no agent ${body.agentId}.`, { errors })
      }
      await sendCommand(ports, agents, { kind: 'scan' })
      return c.json({ agents: agents.map((agent) => agent._id) }, 202)
    },
  }),
  ...(['retry', 'test'] as const).map((kind) =>
    endpoint({
      method: 'post',
      path: `/api/modules/:id/${kind}`,
      scope: 'write',
      tag: 'Modules',
      summary:
        kind === 'retry'
          ? 'Have every agent where it failed install and test it again'
          : 'Have every agent that has it test it again',
      audit: `module.${kind}`,
      answers: { 202: { description: 'Asked', schema: ScanAnswer } },
      idempotent: true,
      async handle(c) {
        const { doc, agents } = await moduleOf(ports, c)
        const asked = agents.filter((agent) => !agent.sessionEndedAt)
        await sendCommand(ports, asked, { kind, module: doc._id })
        return c.json({ agents: asked.map((agent) => agent._id) }, 202)
      },
    }),
  ),
  ...(['enable', 'disable'] as const).map((kind) =>
    endpoint({
      method: 'post',
      path: `/api/modules/:id/${kind}`,
      scope: 'write',
      tag: 'Modules',
      summary:
        kind === 'enable'
          ? 'Take it into use again'
          : 'Take it out of use: what runs goes on to its end, what is queued waits',
      audit: `module.${kind}`,
      answers: { 202: { description: 'Switched', schema: ModuleAnswer } },
      idempotent: true,
      async handle(c) {
        const known = await moduleOf(ports, c)
        await switchModule(ports, known.doc._id, kind === 'disable')
        const { doc, agents } = await moduleOf(ports, c)
        return c.json({ module: presentModule(doc, agents) }, 202)
      },
    }),
  ),
  endpoint({
    method: 'post',
    path: '/api/modules/:id/approve',
    scope: 'admin',
    tag: 'Modules',
    summary: 'Let contents serve that an agent without trust has, or that others have otherwise',
    audit: 'module.approve',
    body: ApproveModule,
    answers: { 200: { description: 'Approved, now or before', schema: ModuleAnswer } },
    idempotent: true,
    async handle(c, { body }) {
      const known = await moduleOf(ports, c)
      const contents = await approveModule(ports, known.doc, body)
      c.set('auditDetail', { ...body, contents })
      const { doc, agents } = await moduleOf(ports, c)
      return c.json({ module: presentModule(doc, agents) })
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/modules/:id',
    scope: 'read',
    tag: 'Modules',
    summary: 'Read a module',
    answers: { 200: { description: 'The module', schema: ModuleAnswer } },
    async handle(c) {
      const { doc, agents } = await moduleOf(ports, c)
      return c.json({ module: presentModule(doc, agents) })
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/modules/:id/install-log',
    scope: 'read',
    tag: 'Modules',
    summary: 'Lines of the last install, set-up and test as NDJSON',
    query: InstallLogQuery,
    answers: { 200: { description: 'application/x-ndjson' } },
    async handle(c, { query }) {
      return answerInstallLog(ports, c, await installLogOf(ports, c, query), query)
    },
  }),
]

async function moduleOf(ports: Ports, c: Ctx) {
  const doc = await findModule(ports, c.req.param('id') ?? '')
  if (!doc || isGone(doc)) throw notFound('module')
  return { doc, agents: await agentsOf(ports, doc) }
}

/** Whose log: of the contents and the agent that are named, else of those that were told of last, by trusted agents first. */
async function installLogOf(ports: Ports, c: Ctx, query: InstallLogQuery) {
  const doc = await findModule(ports, c.req.param('id') ?? '')
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
