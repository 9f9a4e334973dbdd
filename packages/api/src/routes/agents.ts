import { AgentAnswer, AgentId, AgentPage, type AgentRest, PageQuery, PauseAgent } from '@millrace/shared'
import { notFound } from '../failure.ts'
import { behind, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint, pathId } from '../http/endpoint.ts'
import type { Ctx } from '../http/env.ts'
import { setPause } from '../operations/agents/pause.ts'
import type { Ports } from '../ports.ts'
import { presentAgent } from '../present/agent.ts'

/** The machines that work, and whether they shall. */
export const agentEndpoints = (ports: Ports): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/agents',
    scope: 'read',
    tag: 'Agents',
    summary: 'List agents, newest first',
    query: PageQuery,
    answers: { 200: { description: 'A page', schema: AgentPage } },
    async handle(c, { query }) {
      const docs = await ports.store.agents.find(behind(query.cursor, 'agt_'), {
        sort: { _id: -1 },
        limit: query.limit + 1,
      })
      return c.json(pageFrom(docs, query.limit, (agent) => presentAgent(agent, ports.clock.now())))
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/agents/:id',
    scope: 'read',
    tag: 'Agents',
    summary: 'Read an agent',
    answers: { 200: { description: 'The agent', schema: AgentAnswer } },
    async handle(c) {
      const agent = await ports.store.agents.get(pathId(c, AgentId, 'agent'))
      if (!agent) throw notFound('agent')
      return c.json({ agent: presentAgent(agent, ports.clock.now()) })
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/agents/:id/pause',
    scope: 'write',
    audit: 'agent.pause',
    tag: 'Agents',
    summary: 'Let an agent take no new work, for ever or until a time; what runs there goes on to its end',
    body: PauseAgent,
    auditDetail: ({ note, resumeAt }) => ({ note, resumeAt }),
    answers: { 202: { description: 'Asked', schema: AgentAnswer } },
    idempotent: true,
    handle: async (c, { body }) =>
      rest(ports, c, { kind: 'paused', note: body.note ?? null, until: body.resumeAt ?? null }),
  }),
  endpoint({
    method: 'post',
    path: '/api/agents/:id/drain',
    scope: 'write',
    audit: 'agent.drain',
    tag: 'Agents',
    summary: 'Empty an agent: it takes no new work, and hands back what is not finished in its time',
    answers: { 202: { description: 'Asked', schema: AgentAnswer } },
    idempotent: true,
    handle: async (c) => rest(ports, c, { kind: 'draining', note: null, until: null }),
  }),
  endpoint({
    method: 'post',
    path: '/api/agents/:id/resume',
    scope: 'write',
    audit: 'agent.resume',
    tag: 'Agents',
    summary: 'Let an agent work again that was paused or drained',
    answers: { 202: { description: 'Asked', schema: AgentAnswer } },
    idempotent: true,
    handle: async (c) => rest(ports, c, null),
  }),
]

async function rest(ports: Ports, c: Ctx, asked: AgentRest | null) {
  const agent = await ports.store.agents.get(pathId(c, AgentId, 'agent'))
  if (!agent) throw notFound('agent')
  return c.json({ agent: presentAgent(await setPause(ports, agent, asked), ports.clock.now()) }, 202)
}
