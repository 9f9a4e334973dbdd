import type { KeyId, SessionId } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import { Failure } from '../../failure.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import { announceModules, refreshModules } from '../modules/refresh-modules.ts'
import { expireAllBut } from './agent-runs.ts'
import { announceAgent } from './announce-agent.ts'

/** The agent that a request of this session speaks for, if the session was begun with this key. */
export async function agentOf(deps: Deps, key: KeyId, sessionId: SessionId): Promise<AgentDoc> {
  const [agent] = await deps.store.agents.find({ sessionId }, { limit: 1 })
  if (agent && agent.keyId === key) {
    if (!agent.sessionEndedAt) return agent
    throw new Failure(
      'session_expired',
      'This session has ended. Register again and name it as the previous one.',
    )
  }
  if (await isReplaced(deps, sessionId))
    throw new Failure('session_replaced', 'Another process took over this agent.')
  throw new Failure('session_expired', 'This session is not known. Register again.')
}

/** A process that registered anew itself is not replaced: its old session has merely ended. */
async function isReplaced(deps: Deps, sessionId: SessionId): Promise<boolean> {
  const past = await deps.store.sessions.get(sessionId)
  const agent = past && (await deps.store.agents.get(past.agent))
  return agent ? agent.instanceId !== past.instanceId : false
}

/**
 * Too long silent: the session ends, and so do its runs. Silence is measured up to `at`, when it was last known that
 * heartbeats could be received: whoever hung since then must not take its own sleep for that of the agent.
 */
export async function endSession(deps: Deps, agent: AgentDoc, at: Date): Promise<void> {
  const change = await deps.store.agents.change(agent, (current) => {
    const silentMs = at.getTime() - current.lastSeenAt.getTime()
    const ended =
      current.sessionId !== agent.sessionId ||
      current.sessionEndedAt ||
      silentMs < deps.limits.sessionTtlSeconds * 1000
    return ended ? null : { ...current, sessionEndedAt: deps.clock.now() }
  })
  if (!change) return
  deps.failpoint('session.ended')
  deps.logger.warn({ agent: agent._id, session: agent.sessionId }, 'agent went silent; its session ended')
  announceAgent(deps, change.after)
  await expireAllBut(deps, change.after, new Set())
  // What it kept others from offering is free now.
  const names = [...new Set(change.after.modules.map((one) => one.name))]
  await refreshModules(deps, names)
  await announceModules(deps, names)
}
