import type { AgentRest } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import { announceAgent } from './announce-agent.ts'
import { sendCommand } from './send-command.ts'

/** Pauses, drains or resumes an agent for an operator. The next claim obeys even if the agent missed the command. */
export async function setPause(ports: Ports, agent: AgentDoc, asked: AgentRest | null): Promise<AgentDoc> {
  const now = ports.clock.now()
  const change = await ports.store.agents.change(agent, (current) => ({ ...current, asked, updatedAt: now }))
  const after = change?.after ?? agent
  await sendCommand(ports, [after], { kind: asked ? commandOf[asked.kind] : 'resume' })
  announceAgent(ports, after)
  return after
}

const commandOf = { paused: 'pause', draining: 'drain' } as const
