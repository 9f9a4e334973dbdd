import { parseRunId, type RunId, type RunVerdict } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import { settle } from '../settle/settle.ts'
import { resumed } from '../task/transitions.ts'

/** An agent says it holds a run: go on with it, cancel it, or stop because it is no longer the task's. */
export async function reattach(deps: Deps, agent: AgentDoc, run: RunId): Promise<RunVerdict> {
  const found = await deps.store.tasks.get(parseRunId(run).task)
  if (!found) return 'stop'
  const task = await settle(deps, found)
  if (task.status === 'running' && task.currentRun === run && task.agentId === agent._id) {
    if (task.sessionId !== agent.sessionId) {
      await deps.store.tasks.change(task, (current) =>
        current.status === 'running' && current.currentRun === run && current.agentId === agent._id
          ? { ...current, sessionId: agent.sessionId }
          : null,
      )
    }
    return task.cancelRequestedAt ? 'cancel' : 'keep'
  }
  const change = await deps.store.tasks.change(task, (current) =>
    resumed(current, agent, run, deps.clock.now()),
  )
  if (!change) return 'stop'
  deps.failpoint('resume.written')
  await settle(deps, change.after)
  return 'keep'
}
