import type { Agent, AgentRest, AgentStatus } from '@millrace/shared'
import type { AgentDoc } from '../../store/documents/agent.ts'

/** An agent that missed a few heartbeats counts as offline, before its session expires. */
const offlineAfterMs = 15_000

export const isOnline = (agent: AgentDoc, now: Date): boolean =>
  !agent.sessionEndedAt && now.getTime() - agent.lastSeenAt.getTime() <= offlineAfterMs

/** Why an agent takes no new work now, if it is paused: a pause by operators before one by its owner. */
export function pauseOf(agent: AgentDoc, now: Date): Agent['rest'] {
  if (agent.asked && lasts(agent.asked, now)) return { ...agent.asked, by: 'operator' }
  if (agent.ownRest && lasts(agent.ownRest, now)) return { ...agent.ownRest, by: 'owner' }
  return null
}

export const statusOfAgent = (agent: AgentDoc, now: Date): AgentStatus =>
  isOnline(agent, now) ? (pauseOf(agent, now)?.kind ?? 'online') : 'offline'

export const lasts = ({ until }: AgentRest, now: Date): boolean =>
  until === null || new Date(until).getTime() > now.getTime()
