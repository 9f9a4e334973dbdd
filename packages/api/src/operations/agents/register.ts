import type { AgentId, RegisterAnswer, RegisterRequest, RunVerdict } from '@millrace/shared'
import type { z } from 'zod'
import { Failure } from '../../failure.ts'
import type { NewIds } from '../../ids.ts'
import type { Ports } from '../../ports.ts'
import type { KeyDoc, Serves } from '../../store/documents/access.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import { expireAllBut } from './agent-runs.ts'
import { announceAgent } from './announce-agent.ts'
import type { AgentPorts } from './ports.ts'
import { reattach } from './reattach.ts'

type Request = z.output<typeof RegisterRequest>
type Key = { id: KeyDoc['_id']; serves: Serves }

/** Begins the session of an agent process; rejects it when another live process has this agent's id. */
export async function register(
  ports: AgentPorts,
  key: Key,
  ids: NewIds,
  request: Request,
): Promise<RegisterAnswer> {
  const agent = await openSession(ports, key, ids, request)
  announceAgent(ports, agent)
  const runs: Record<string, RunVerdict> = {}
  for (const run of request.heldRuns) runs[run] = await reattach(ports, agent, run)
  await expireAllBut(ports, agent, new Set(request.heldRuns))
  return {
    agentId: agent._id,
    sessionId: agent.sessionId,
    heartbeatSeconds: ports.limits.heartbeatSeconds,
    sessionTtlSeconds: ports.limits.sessionTtlSeconds,
    nats: ports.agentNats,
    runs,
    now: ports.clock.now().toISOString(),
  }
}

async function openSession(ports: AgentPorts, key: Key, ids: NewIds, request: Request): Promise<AgentDoc> {
  const sessionId = ids.session()
  const known = request.agentId && (await ports.store.agents.get(request.agentId))
  if (!known) {
    await refuseTooMany(ports, key.id)
    const agent = newAgent(ports, request.agentId ?? ids.agent(), { key, sessionId, request })
    await ports.store.sessions.insert({
      _id: sessionId,
      rev: 1,
      agent: agent._id,
      instanceId: request.instanceId,
      createdAt: agent.createdAt,
    })
    if (await ports.store.agents.insert(agent)) return agent
    return openSession(ports, key, ids, { ...request, agentId: agent._id })
  }
  if (known.keyId !== key.id) {
    throw new Failure(
      'forbidden',
      `Agent ${known._id} belongs to another key. Remove agent.json from AGENT_HOME to become a new agent.`,
    )
  }
  await ports.store.sessions.insert({
    _id: sessionId,
    rev: 1,
    agent: known._id,
    instanceId: request.instanceId,
    createdAt: ports.clock.now(),
  })
  let refused = false
  const change = await ports.store.agents.change(known, (agent) => {
    refused = isOccupied(ports, agent, request)
    return refused ? null : begin(ports, agent, { key, sessionId, request })
  })
  if (refused) {
    throw new Failure(
      'agent_connected',
      `Another process is connected as agent ${known._id}. Stop it, or give this one its own AGENT_HOME.`,
    )
  }
  if (!change) return known
  ports.failpoint('session.replaced')
  return change.after
}

const rememberedMs = 30 * 24 * 3600 * 1000

/** Agents that were silent for a month do not count: a machine that is rebuilt each day is a new agent each day. */
async function refuseTooMany(ports: AgentPorts, key: Key['id']): Promise<void> {
  const { agentsPerKey } = ports.limits
  const since = new Date(ports.clock.now().getTime() - rememberedMs)
  if (
    (await ports.store.agents.count({ keyId: key, lastSeenAt: { $gt: since } }, agentsPerKey)) < agentsPerKey
  )
    return
  throw new Failure(
    'forbidden',
    `This key has ${agentsPerKey} agents, the most that MAX_AGENTS_PER_KEY allows. Keep AGENT_HOME, where an agent has its id, use another key, or raise the setting of the API.`,
  )
}

/** A live session of another process that does not claim to be its successor keeps the agent's id. */
function isOccupied(ports: AgentPorts, agent: AgentDoc, request: Request): boolean {
  if (agent.instanceId === request.instanceId || agent.sessionEndedAt) return false
  const silentMs = ports.clock.now().getTime() - agent.lastSeenAt.getTime()
  return silentMs < ports.limits.sessionTtlSeconds * 1000 && request.previousSessionId !== agent.sessionId
}

type Beginning = { key: Key; sessionId: AgentDoc['sessionId']; request: Request }

function begin(ports: Ports, agent: AgentDoc, { key, sessionId, request }: Beginning): AgentDoc {
  const now = ports.clock.now()
  const same = agent.instanceId === request.instanceId && !agent.sessionEndedAt
  return {
    ...agent,
    ...described(request),
    trusted: key.serves.trusted,
    instanceId: request.instanceId,
    sessionId: same ? agent.sessionId : sessionId,
    sessionStartedAt: same ? agent.sessionStartedAt : now,
    sessionEndedAt: null,
    lastSeenAt: now,
    missing: [],
    updatedAt: now,
  }
}

function newAgent(ports: Ports, id: AgentId, { key, sessionId, request }: Beginning): AgentDoc {
  const now = ports.clock.now()
  return {
    _id: id,
    rev: 1,
    keyId: key.id,
    trusted: key.serves.trusted,
    ...described(request),
    sessionId,
    instanceId: request.instanceId,
    sessionStartedAt: now,
    lastSeenAt: now,
    sessionEndedAt: null,
    runs: [],
    missing: [],
    modules: [],
    leftOut: [],
    commands: [],
    asked: null,
    ownRest: null,
    clockOffsetSeconds: null,
    createdAt: now,
    updatedAt: now,
  }
}

const described = (request: Request) => ({
  name: request.name,
  platform: request.platform,
  version: request.version,
  labels: request.labels,
  gpus: request.gpus,
  capacity: request.capacity ?? null,
  signsLines: request.signsLines,
})
