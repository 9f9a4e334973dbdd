import type { KeyId, SessionId } from '@millrace/shared'
import { Failure } from '../../failure.ts'
import type { Ports } from '../../ports.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import { announceModules, refreshModules } from '../modules/refresh-modules.ts'
import { expireAllBut } from './agent-runs.ts'
import { announceAgent } from './announce-agent.ts'
import type { AgentPorts } from './ports.ts'

/** The agent of a request's session, if this key began the session. */
export async function agentOf(ports: Ports, key: KeyId, sessionId: SessionId): Promise<AgentDoc> {
  const [agent] = await ports.store.agents.find({ sessionId }, { limit: 1 })
  if (agent && agent.keyId === key) {
    if (!agent.sessionEndedAt) return agent
    throw new Failure(
      'session_expired',
      'This session has ended. Register again and name it as the previous one.',
    )
  }
  if (await isReplaced(ports, sessionId))
    throw new Failure('session_replaced', 'Another process took over this agent.')
  throw new Failure('session_expired', 'Unknown session. Register again.')
}

/** A process that registered again is not replaced: its old session has merely ended. */
async function isReplaced(ports: Ports, sessionId: SessionId): Promise<boolean> {
  const past = await ports.store.sessions.get(sessionId)
  const agent = past && (await ports.store.agents.get(past.agent))
  return agent ? agent.instanceId !== past.instanceId : false
}

/**
 * Expires the session of an agent that was silent for too long, and its runs. Silence counts up to `at`, the last time
 * at which the API could receive heartbeats: an API process that hung since must not take its own pause for the agent's.
 */
export async function endSession(ports: AgentPorts, agent: AgentDoc, at: Date): Promise<void> {
  const change = await ports.store.agents.change(agent, (current) => {
    const silentMs = at.getTime() - current.lastSeenAt.getTime()
    const ended =
      current.sessionId !== agent.sessionId ||
      current.sessionEndedAt ||
      silentMs < ports.limits.sessionTtlSeconds * 1000
    return ended ? null : { ...current, sessionEndedAt: ports.clock.now() }
  })
  if (!change) return
  ports.failpoint('session.ended')
  ports.logger.warn({ agent: agent._id, session: agent.sessionId }, 'agent went silent; its session ended')
  announceAgent(ports, change.after)
  await expireAllBut(ports, change.after, new Set())
  // Other agents may offer the modules again that this one blocked.
  const names = [...new Set(change.after.modules.map((one) => one.name))]
  await refreshModules(ports, names)
  await announceModules(ports, names)
}
