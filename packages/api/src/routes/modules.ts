import {
  InstallLogQuery,
  ModuleAnswer,
  ModulePage,
  ModuleQuery,
  ScanAnswer,
  ScanRequest,
} from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { Failure, notFound } from '../failure.ts'
import { idOfCursor, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { newUlid } from '../ids.ts'
import { installLogId } from '../operations/install-log.ts'
import { presentModule } from '../respond/module.ts'

export const moduleEndpoints = (deps: Deps): Endpoint[] => [
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
        deps.store.modules.find(after ? { _id: { $gt: after } } : {}, { sort: { _id: 1 }, limit: 1_000 }),
        connectedAgents(deps),
      ])
      const matching = docs.filter((doc) => {
        const { status, capabilities } = presentModule(doc, agents)
        if (doc.entries.length === 0) return false
        if (query.status && status !== query.status) return false
        if (query.accepts && !capabilities.accepts.includes(query.accepts)) return false
        return !query.returns || capabilities.returns.includes(query.returns)
      })
      return c.json(
        pageFrom(matching.slice(0, query.limit + 1), query.limit, (doc) => presentModule(doc, agents)),
      )
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/modules/scan',
    scope: 'write',
    tag: 'Modules',
    summary: 'Have every agent, or one, scan its modules folder',
    body: ScanRequest,
    answers: { 202: { description: 'Asked', schema: ScanAnswer } },
    idempotent: true,
    async handle(c, { body }) {
      const agents = body.agentId ? await deps.store.agents.many([body.agentId]) : await connectedAgents(deps)
      if (body.agentId && agents.length === 0) {
        const errors = [{ path: '/agentId', message: 'there is no such agent' }]
        throw new Failure('invalid_request', `There is no agent ${body.agentId}.`, { errors })
      }
      for (const agent of agents) {
        const command = { v: 1 as const, kind: 'scan' as const, id: newUlid() }
        await deps.store.agents.change(agent, (current) => ({
          ...current,
          commands: [...current.commands.filter((one) => one.kind !== 'scan'), command],
        }))
        deps.bus.command(agent._id, command)
      }
      return c.json({ agents: agents.map((agent) => agent._id) }, 202)
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
      const doc = await deps.store.modules.get(c.req.param('id') ?? '')
      if (!doc || doc.entries.length === 0) throw notFound('module')
      const agents = await deps.store.agents.many(doc.entries.map((entry) => entry.agentId))
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
      const doc = await deps.store.modules.get(c.req.param('id') ?? '')
      if (!doc) throw notFound('module')
      const entries = doc.entries.filter(
        (entry) =>
          (!query.agentId || entry.agentId === query.agentId) &&
          (!query.digest || entry.digest === query.digest),
      )
      const entry = entries.at(-1)
      const log =
        entry && (await deps.store.installLogs.get(installLogId(entry.agentId, doc._id, entry.digest)))
      c.header('Content-Type', 'application/x-ndjson')
      return c.body((log?.lines ?? []).map((line) => `${JSON.stringify(line)}\n`).join(''))
    },
  }),
]

const connectedAgents = (deps: Deps) => deps.store.agents.find({ sessionEndedAt: null }, { limit: 10_000 })
