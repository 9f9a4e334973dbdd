import { moduleEvent, taskEvent } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import type { TaskDoc } from '../store/documents/task.ts'

/** Best effort, after the writes, with the status: whoever misses it reads again by himself. */
export function announceTask(deps: Deps, task: TaskDoc): void {
  deps.bus.announce(taskEvent(task._id), task.status)
}

/** Sends a token without waiting for it: a request neither fails nor slows down because of NATS. */
export function wakeAgents(deps: Deps, module: string): void {
  deps.bus.announce(moduleEvent(module))
  deps.bus.sendToken(module).catch((err) => deps.logger.warn({ err, module }, 'sending a token failed'))
}
