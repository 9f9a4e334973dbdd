import { agentEvent } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import { announce } from '../events/announce.ts'
import { statusOfAgent } from './presence.ts'

export function announceAgent(deps: Deps, agent: AgentDoc): void {
  const status = statusOfAgent(agent, deps.clock.now())
  const updatedAt = deps.clock.now().toISOString()
  announce(deps, agentEvent(agent._id), { kind: 'agent', id: agent._id, status, updatedAt })
}
