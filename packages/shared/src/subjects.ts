import type { AgentId, RunId } from './ids.ts'
import { parseRunId } from './ids.ts'

/** NATS names, all in one place. */
export const workStream = 'WORK'
export const logStream = 'LOGS'
export const agentInbox = '_INBOX_agent'
/** The most waiting tokens of one module; NATS rejects further ones, which is normal. */
export const tokensPerModule = 64

export const workSubject = (module: string): string => `work.${module}`
export const logSubject = (agent: AgentId, run: RunId): string => {
  const { task, attempt } = parseRunId(run)
  return `log.${agent}.${task}.${attempt}`
}
export const commandSubject = (agent: AgentId): string => `agent.${agent}.command`
export const anyEvent = 'event.>'
export const taskEvent = (task: string): string => `event.task.${task}`
export const moduleEvent = (module: string): string => `event.module.${module}`
export const agentEvent = (agent: AgentId): string => `event.agent.${agent}`
/** An agent sent a new long-poll claim, which ends its earlier one. */
export const claimEvent = (agent: AgentId): string => `event.claim.${agent}`
