import type { Agent } from '@millrace/shared'
import { pauseOf, statusOfAgent } from '../operations/agents/presence.ts'
import type { AgentDoc } from '../store/documents/agent.ts'

export function presentAgent(agent: AgentDoc, now: Date): Agent {
  return {
    id: agent._id,
    name: agent.name,
    status: statusOfAgent(agent, now),
    rest: pauseOf(agent, now),
    labels: agent.labels,
    platform: agent.platform,
    gpus: agent.gpus,
    capacity: agent.capacity,
    running: agent.runs.map((run) => run.runId),
    modules: agent.modules.map(({ name, version, status }) => ({ name, version, status })),
    trusted: agent.trusted,
    leftOut: agent.leftOut,
    lastSeenAt: agent.lastSeenAt.toISOString(),
    clockOffsetSeconds: agent.clockOffsetSeconds,
    version: agent.version,
  }
}
