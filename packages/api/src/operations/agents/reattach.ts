import { parseRunId, type RunId, type RunVerdict } from '@millrace/shared'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { SettlePorts } from '../settle/ports.ts'
import { settle } from '../settle/settle.ts'
import { resumed } from '../task/transitions.ts'

/** An agent reports a run that it holds: it continues, cancels, or stops it because the task has another run. */
export async function reattach(ports: SettlePorts, agent: AgentDoc, run: RunId): Promise<RunVerdict> {
  const found = await ports.store.tasks.get(parseRunId(run).task)
  if (!found) return 'stop'
  const task = await settle(ports, found)
  if (task.status === 'running' && task.currentRun === run && task.agentId === agent._id) {
    if (task.sessionId !== agent.sessionId) {
      await ports.store.tasks.change(task, (current) =>
        current.status === 'running' && current.currentRun === run && current.agentId === agent._id
          ? { ...current, sessionId: agent.sessionId }
          : null,
      )
    }
    return task.cancelRequestedAt ? 'cancel' : 'keep'
  }
  const change = await ports.store.tasks.change(task, (current) =>
    resumed(current, agent, run, ports.clock.now()),
  )
  if (!change) return 'stop'
  ports.failpoint('resume.written')
  await settle(ports, change.after)
  return 'keep'
}
