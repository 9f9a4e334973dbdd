import type { AgentId, RunId } from '@millrace/shared'
import type { LiveBatch } from '../../bus/read-logs.ts'
import type { Ports } from '../../ports.ts'
import type { RunDoc } from '../../store/documents/run.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/**
 * The live lines of a run, as its own agent published them. All agents are one user in NATS, so that any of them can
 * publish what looks like the lines of another's run: the proof is the `instanceId`, which only the agent's process and
 * the API know. An agent of an older version, which does not send it, is told by its subject alone.
 */
export async function* liveLines(
  ports: Ports,
  { agent, run }: { agent: AgentId; run: RunId },
  options: { follow: boolean; signal: AbortSignal },
): AsyncGenerator<LiveBatch> {
  const isOwn = proofOf(ports, agent)
  for await (const batch of ports.bus.logs(agent, run, options)) if (await isOwn(batch.instance)) yield batch
}

/** The agent that has, or had, a run; `null`: nobody claimed it yet. */
export const agentOfRun = (run: RunDoc | null, task: TaskDoc | null, id: RunId): AgentId | null =>
  run?.agentId ?? (task?.currentRun === id ? task.agentId : null)

/** Each name is looked up once; a flood of made-up ones is not looked up at all. */
function proofOf(ports: Ports, agent: AgentId): (instance: string | undefined) => Promise<boolean> {
  const known = new Map<string | undefined, boolean>()
  return async (instance) => {
    const before = known.get(instance)
    if (before !== undefined) return before
    if (known.size >= instancesKnown) return false
    const is = await isOfAgent(ports, agent, instance)
    known.set(instance, is)
    return is
  }
}

const instancesKnown = 100

async function isOfAgent(ports: Ports, id: AgentId, instance: string | undefined): Promise<boolean> {
  const agent = await ports.store.agents.get(id)
  if (!agent) return false
  if (instance === undefined) return !agent.signsLines
  if (instance === agent.instanceId) return true
  const [past] = await ports.store.sessions.find({ agent: id, instanceId: instance }, { limit: 1 })
  return past !== undefined
}
