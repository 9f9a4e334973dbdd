import type { TaskDoc } from '../store/documents/task.ts'
import type { SettlePorts } from './settle/ports.ts'
import { settle } from './settle/settle.ts'
import { afterExpiry } from './task/after-expiry.ts'

/** Expires the run of a task whose agent is gone or does not know the run. */
export async function expireRun(ports: SettlePorts, from: TaskDoc): Promise<void> {
  const change = await ports.store.tasks.change(from, (task) =>
    task.currentRun === from.currentRun && task.sessionId === from.sessionId
      ? afterExpiry(task, ports.clock.now(), ports.random())
      : null,
  )
  if (!change) return
  ports.failpoint('lost.written')
  ports.logger.warn({ task: from._id, run: from.currentRun, status: change.after.status }, 'run expired')
  await settle(ports, change.after)
}
