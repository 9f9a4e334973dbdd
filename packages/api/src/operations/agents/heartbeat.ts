import type { HeartbeatAnswer, HeartbeatRequest, RunId, RunVerdict } from '@millrace/shared'
import type { z } from 'zod'
import type { AgentDoc } from '../../store/documents/agent.ts'
import { expireRunOf, runsOf } from './agent-runs.ts'
import type { AgentPorts } from './ports.ts'
import { lasts } from './presence.ts'
import { reattach } from './reattach.ts'

type Request = z.output<typeof HeartbeatRequest>

/** The agent is alive and holds these runs. A run expires when two heartbeats in a row do not name it. */
export async function heartbeat(
  ports: AgentPorts,
  agent: AgentDoc,
  request: Request,
): Promise<HeartbeatAnswer> {
  const held = new Set(request.runs.map((run) => run.runId))
  const runs: Record<string, RunVerdict> = {}
  for (const run of held) runs[run] = await reattach(ports, agent, run)
  const missing = await missingRuns(ports, agent, held)
  const now = ports.clock.now()
  const change = await ports.store.agents.change(agent, (current) =>
    current.sessionId === agent.sessionId
      ? {
          ...current,
          lastSeenAt: now,
          gpus: request.gpus,
          ownRest: request.rest,
          clockOffsetSeconds: request.clockOffsetSeconds ?? null,
          runs: request.runs.map(({ runId, progress }) => ({ runId, progress: progress ?? null })),
          missing,
          commands: current.commands.filter(
            (command) => !('id' in command && request.done.includes(command.id)),
          ),
        }
      : null,
  )
  for (const run of missing.filter((one) => agent.missing.includes(one))) await expireRunOf(ports, agent, run)
  const modules = Object.fromEntries(
    agent.modules.map(({ name, disabled }) => [
      name,
      disabled ? ('disabled' as const) : ('enabled' as const),
    ]),
  )
  const { asked, commands } = change?.after ?? { ...agent, commands: [] }
  const awaiting = agent.modules.filter((one) => one.awaits).length
  const tellsTime = request.clockOffsetSeconds !== undefined
  return {
    runs,
    commands,
    modules,
    rest: asked && lasts(asked, now) ? asked : null,
    awaiting,
    ...(tellsTime ? { now: ports.clock.now().toISOString() } : {}),
  }
}

/** A run whose claim is not answered yet is not missing. */
async function missingRuns(ports: AgentPorts, agent: AgentDoc, held: ReadonlySet<RunId>): Promise<RunId[]> {
  const settledBefore = ports.clock.now().getTime() - ports.limits.heartbeatSeconds * 1000
  const expected = await runsOf(ports, agent)
  return expected
    .filter(({ run, at }) => !held.has(run) && at.getTime() < settledBefore)
    .map(({ run }) => run)
}
