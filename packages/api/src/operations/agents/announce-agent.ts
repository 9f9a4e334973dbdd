import { agentEvent } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import { announce } from '../events/announce.ts'
import { statusOfAgent } from './presence.ts'

export function announceAgent(ports: Ports, agent: AgentDoc): void {
  const status = statusOfAgent(agent, ports.clock.now())
  const updatedAt = ports.clock.now().toISOString()
  announce(ports, agentEvent(agent._id), { kind: 'agent', id: agent._id, status, updatedAt })
}
