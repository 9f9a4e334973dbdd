import type { Agent } from '@millrace/shared'
import type { AgentDoc } from '../store/documents.ts'

/** Silent for longer than a few heartbeats counts as offline, before its session has ended. */
const offlineAfterMs = 15_000

export function presentAgent(agent: AgentDoc, now: Date): Agent {
  const silentMs = now.getTime() - agent.lastSeenAt.getTime()
  return {
    id: agent._id,
    name: agent.name,
    status: agent.sessionEndedAt || silentMs > offlineAfterMs ? 'offline' : 'online',
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
