import type { HeartbeatAnswer, HeartbeatRequest, RunId, RunVerdict } from '@millrace/shared'
import type { z } from 'zod'
import type { Deps } from '../../deps.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import { expireRunOf, runsOf } from './agent-runs.ts'
import { lasts } from './presence.ts'
import { reattach } from './reattach.ts'

type Request = z.output<typeof HeartbeatRequest>

/** The agent lives and holds these runs. A run it should hold and twice did not name is lost. */
export async function heartbeat(deps: Deps, agent: AgentDoc, request: Request): Promise<HeartbeatAnswer> {
  const held = new Set(request.runs.map((run) => run.runId))
  const runs: Record<string, RunVerdict> = {}
  for (const run of held) runs[run] = await reattach(deps, agent, run)
  const missing = await missingRuns(deps, agent, held)
  const now = deps.clock.now()
  const change = await deps.store.agents.change(agent, (current) =>
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
  for (const run of missing.filter((one) => agent.missing.includes(one))) await expireRunOf(deps, agent, run)
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
    ...(tellsTime ? { now: deps.clock.now().toISOString() } : {}),
  }
}

/** A claim whose answer is still under way is not missing yet. */
async function missingRuns(deps: Deps, agent: AgentDoc, held: ReadonlySet<RunId>): Promise<RunId[]> {
  const settledBefore = deps.clock.now().getTime() - deps.limits.heartbeatSeconds * 1000
  const expected = await runsOf(deps, agent)
  return expected
    .filter(({ run, at }) => !held.has(run) && at.getTime() < settledBefore)
    .map(({ run }) => run)
}
