import type { AgentDoc } from '../../store/documents/agent.ts'

/** Silent for longer than a few heartbeats counts as offline, before its session has ended. */
const offlineAfterMs = 15_000

export const isOnline = (agent: AgentDoc, now: Date): boolean =>
  !agent.sessionEndedAt && now.getTime() - agent.lastSeenAt.getTime() <= offlineAfterMs
