import type { Agent } from '@millrace/shared'
import { isOnline } from '../operations/agents/presence.ts'
import { restOf } from '../operations/agents/rest.ts'
import type { AgentDoc } from '../store/documents/agent.ts'

export function presentAgent(agent: AgentDoc, now: Date): Agent {
  const rest = restOf(agent, now)
  return {
    id: agent._id,
    name: agent.name,
    status: isOnline(agent, now) ? (rest?.kind ?? 'online') : 'offline',
    rest,
    labels: agent.labels,
    platform: agent.platform,
    gpus: agent.gpus,
    capacity: agent.capacity,
    running: agent.runs.map((run) => run.runId),
    modules: agent.modules.map(({ name, version, status }) => ({ name, version, status })),
    lastSeenAt: agent.lastSeenAt.toISOString(),
    version: agent.version,
  }
}
