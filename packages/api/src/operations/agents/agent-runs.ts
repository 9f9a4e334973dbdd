import { parseRunId, type RunId } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { expireRun } from '../expire-run.ts'
import { globalSlot } from '../queue/slots.ts'

/** Runs that hold a place for this agent: every running task does, from before its claim until it is settled. */
export async function runsOf(deps: Deps, agent: AgentDoc): Promise<{ run: RunId; at: Date }[]> {
  const slot = await deps.store.slots.get(globalSlot)
  return slot?.holders.filter((holder) => holder.agent === agent._id) ?? []
}

/** A process that has just started, or came back, does not hold these: they are lost at once. */
export async function expireAllBut(deps: Deps, agent: AgentDoc, held: ReadonlySet<RunId>): Promise<void> {
  for (const { run } of await runsOf(deps, agent)) {
    if (!held.has(run)) await expireRunOf(deps, agent, run)
  }
}

export async function expireRunOf(deps: Deps, agent: AgentDoc, run: RunId): Promise<void> {
  const task = await deps.store.tasks.get(parseRunId(run).task)
  if (task && isRunning(task, run) && task.agentId === agent._id) await expireRun(deps, task)
}

const isRunning = (task: TaskDoc, run: RunId): boolean => task.status === 'running' && task.currentRun === run
