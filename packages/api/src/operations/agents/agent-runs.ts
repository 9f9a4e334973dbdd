import { parseRunId, type RunId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { expireRun } from '../expire-run.ts'
import { globalSlot } from '../queue/slots.ts'
import type { SettlePorts } from '../settle/ports.ts'

/** Runs that hold slots for this agent: every running task does, from before its claim until it is settled. */
export async function runsOf(ports: Ports, agent: AgentDoc): Promise<{ run: RunId; at: Date }[]> {
  const slot = await ports.store.slots.get(globalSlot)
  return slot?.holders.filter((holder) => holder.agent === agent._id) ?? []
}

/** A process that has just started or reconnected does not hold these runs: they expire at once. */
export async function expireAllBut(
  ports: SettlePorts,
  agent: AgentDoc,
  held: ReadonlySet<RunId>,
): Promise<void> {
  for (const { run } of await runsOf(ports, agent)) {
    if (!held.has(run)) await expireRunOf(ports, agent, run)
  }
}

export async function expireRunOf(ports: SettlePorts, agent: AgentDoc, run: RunId): Promise<void> {
  const task = await ports.store.tasks.get(parseRunId(run).task)
  if (task && isRunning(task, run) && task.agentId === agent._id) await expireRun(ports, task)
}

const isRunning = (task: TaskDoc, run: RunId): boolean => task.status === 'running' && task.currentRun === run
