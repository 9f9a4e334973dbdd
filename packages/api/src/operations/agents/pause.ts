import type { AgentRest } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import { announceAgent } from './announce-agent.ts'
import { sendCommand } from './tell-agents.ts'

/** Operators let an agent rest, or take that back. It holds at the next claim, whether or not the agent hears of it. */
export async function setPause(deps: Deps, agent: AgentDoc, asked: AgentRest | null): Promise<AgentDoc> {
  const now = deps.clock.now()
  const change = await deps.store.agents.change(agent, (current) => ({ ...current, asked, updatedAt: now }))
  const after = change?.after ?? agent
  await sendCommand(deps, [after], { kind: asked ? commandOf[asked.kind] : 'resume' })
  announceAgent(deps, after)
  return after
}

const commandOf = { paused: 'pause', draining: 'drain' } as const
