import { z } from 'zod'
import { Agent } from '../agent.ts'
import { AgentId } from '../ids.ts'
import type { Calls } from './call.ts'
import { PageQuery, pageOf } from './lists.ts'

export const PauseAgent = z.strictObject({
  note: z.string().max(500).optional().describe('a note for other operators'),
  resumeAt: z.iso.datetime().optional(),
})
export type PauseAgent = z.input<typeof PauseAgent>
export const AgentAnswer = z.object({ agent: Agent })
export const AgentPage = pageOf(Agent)

/** The machines that run tasks; operators pause, drain and resume them. */
export const agentCalls = {
  listAgents: {
    method: 'GET',
    path: '/api/agents',
    tag: 'Agents',
    summary: 'List agents, newest first',
    scope: 'read',
    query: PageQuery,
    answers: { 200: { description: 'A page', json: AgentPage } },
  },
  getAgent: {
    method: 'GET',
    path: '/api/agents/{id}',
    tag: 'Agents',
    summary: 'Read an agent',
    scope: 'read',
    params: { id: AgentId },
    subject: 'agent',
    answers: { 200: { description: 'The agent', json: AgentAnswer } },
  },
  pauseAgent: {
    method: 'POST',
    path: '/api/agents/{id}/pause',
    tag: 'Agents',
    summary: 'Pause an agent, without limit or until a time; its runs continue to their end',
    scope: 'write',
    params: { id: AgentId },
    subject: 'agent',
    body: PauseAgent,
    example: { note: 'new GPU', resumeAt: '2026-12-01T08:00:00Z' },
    idempotent: true,
    audit: 'agent.pause',
    answers: { 202: { description: 'Asked', json: AgentAnswer } },
  },
  drainAgent: {
    method: 'POST',
    path: '/api/agents/{id}/drain',
    tag: 'Agents',
    summary: 'Drain an agent: it claims no new work and hands back the runs that do not end in time',
    scope: 'write',
    params: { id: AgentId },
    subject: 'agent',
    idempotent: true,
    audit: 'agent.drain',
    answers: { 202: { description: 'Asked', json: AgentAnswer } },
  },
  resumeAgent: {
    method: 'POST',
    path: '/api/agents/{id}/resume',
    tag: 'Agents',
    summary: 'Resume an agent after a pause or drain',
    scope: 'write',
    params: { id: AgentId },
    subject: 'agent',
    idempotent: true,
    audit: 'agent.resume',
    answers: { 202: { description: 'Asked', json: AgentAnswer } },
  },
} as const satisfies Calls
