import { type AgentId, agentEvent, moduleEvent, taskEvent } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import type { TaskDoc } from '../store/documents/task.ts'

/** Best effort, after the writes, with the status: whoever misses it reads again by himself. */
export function announceTask(deps: Deps, task: TaskDoc): void {
  deps.bus.announce(taskEvent(task._id), task.status)
}

/** Tells those who wait for work of a module from those who look at how the module stands. */
export const readyWork = 'ready-work'

/** An agent came or went. */
export function announceAgent(deps: Deps, agent: AgentId, status: 'online' | 'offline'): void {
  deps.bus.announce(agentEvent(agent), status)
}

/** Sends a token without waiting for it: a request neither fails nor slows down because of NATS. */
export function wakeAgents(deps: Deps, module: string): void {
  deps.bus.announce(moduleEvent(module), readyWork)
  deps.bus.sendToken(module).catch((err) => deps.logger.warn({ err, module }, 'sending a token failed'))
}
