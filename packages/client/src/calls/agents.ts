import type { Api, BodyAt, QueryAt } from '../api.ts'
import type { Agent, AgentId } from '../contract.gen.ts'
import type { Page } from '../page.ts'

export const agentCalls = ({ call }: Api) => ({
  listAgents: (query: QueryAt<'GET /api/agents'> = {}): Promise<Page<Agent>> =>
    call('GET /api/agents', { query }),
  agent: async (id: AgentId): Promise<Agent> =>
    (await call('GET /api/agents/{id}', { params: { id } })).agent,
  /** It takes no new work until then, or until it is resumed; what runs there goes on to its end. */
  pauseAgent: async (id: AgentId, pause: BodyAt<'POST /api/agents/{id}/pause'> = {}): Promise<Agent> =>
    (await call('POST /api/agents/{id}/pause', { params: { id }, body: pause })).agent,
  drainAgent: async (id: AgentId): Promise<Agent> =>
    (await call('POST /api/agents/{id}/drain', { params: { id } })).agent,
  resumeAgent: async (id: AgentId): Promise<Agent> =>
    (await call('POST /api/agents/{id}/resume', { params: { id } })).agent,
})
