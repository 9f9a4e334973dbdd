import type { AgentId, RunId } from '@millrace/shared'
import type { LiveBatch } from '../../bus/read-logs.ts'
import type { Ports } from '../../ports.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { RunDoc } from '../../store/documents/run.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/**
 * The live lines of a run, as its own agent published them. All agents are one user in NATS, so any of them can publish
 * lines under another agent's subject: the proof is the `instanceId`, which only the agent's process and the API know.
 * An older agent that does not send it is identified by its subject alone.
 */
export async function* liveLines(
  ports: Ports,
  { agent, run }: { agent: AgentId; run: RunId },
  options: { follow: boolean; signal: AbortSignal },
): AsyncGenerator<LiveBatch> {
  const isOwn = proofOf(ports, agent)
  for await (const batch of ports.bus.logs(agent, run, options)) if (await isOwn(batch.instance)) yield batch
}

/** The agent that has, or had, a run; `null`: no agent has claimed it yet. */
export const agentOfRun = (run: RunDoc | null, task: TaskDoc | null, id: RunId): AgentId | null =>
  run?.agentId ?? (task?.currentRun === id ? task.agentId : null)

/**
 * Looks up each instance id once. A flood of forged ids is soon rejected without reading the database, but the agent's
 * process is known from the start, and a new process is found within a second.
 */
function proofOf(ports: Ports, id: AgentId): (instance: string | undefined) => Promise<boolean> {
  const known = new Map<string | undefined, boolean>()
  let agent: Promise<AgentDoc | null> | undefined
  let readAt = Number.NEGATIVE_INFINITY
  const agentNow = () => {
    const now = ports.clock.now().getTime()
    if (now - readAt >= freshMs) {
      readAt = now
      agent = ports.store.agents.get(id)
    }
    return agent
  }
  return async (instance) => {
    const before = known.get(instance)
    if (before !== undefined) return before
    const current = await agentNow()
    const isCurrent =
      instance === undefined ? current?.signsLines === false : current?.instanceId === instance
    if (!isCurrent && known.size >= instancesKnown) return false
    const is = isCurrent || (instance !== undefined && (await isOfFormerProcess(ports, id, instance)))
    known.set(instance, is)
    return is
  }
}

const instancesKnown = 100
const freshMs = 1000

async function isOfFormerProcess(ports: Ports, agent: AgentId, instanceId: string): Promise<boolean> {
  const [past] = await ports.store.sessions.find({ agent, instanceId }, { limit: 1 })
  return past !== undefined
}
