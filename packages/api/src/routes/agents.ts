import { type AgentId, type AgentRest, contract } from '@millrace/shared'
import { notFound } from '../failure.ts'
import { behind, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Ctx } from '../http/env.ts'
import { setPause } from '../operations/agents/pause.ts'
import type { Ports } from '../ports.ts'
import { presentAgent } from '../present/agent.ts'

/** The calls for agents: list, pause, drain, resume. */
export const agentEndpoints = (ports: Ports): Endpoint[] => [
  endpoint(contract.listAgents, async (c, { query }) => {
    const docs = await ports.store.agents.find(behind(query.cursor, 'agt_'), {
      sort: { _id: -1 },
      limit: query.limit + 1,
    })
    return c.json(pageFrom(docs, query.limit, (agent) => presentAgent(agent, ports.clock.now())))
  }),
  endpoint(contract.getAgent, async (c, { params }) => {
    const agent = await ports.store.agents.get(params.id)
    if (!agent) throw notFound('agent')
    return c.json({ agent: presentAgent(agent, ports.clock.now()) })
  }),
  endpoint(
    contract.pauseAgent,
    async (c, { params, body }) =>
      rest(ports, c, params.id, { kind: 'paused', note: body.note ?? null, until: body.resumeAt ?? null }),
    { auditDetail: ({ note, resumeAt }) => ({ note, resumeAt }) },
  ),
  endpoint(contract.drainAgent, async (c, { params }) =>
    rest(ports, c, params.id, { kind: 'draining', note: null, until: null }),
  ),
  endpoint(contract.resumeAgent, async (c, { params }) => rest(ports, c, params.id, null)),
]

async function rest(ports: Ports, c: Ctx, id: AgentId, asked: AgentRest | null) {
  const agent = await ports.store.agents.get(id)
  if (!agent) throw notFound('agent')
  return c.json({ agent: presentAgent(await setPause(ports, agent, asked), ports.clock.now()) }, 202)
}
