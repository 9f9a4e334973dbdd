import { ChangeEvent, moduleEvent, taskEvent } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** Best effort, after the writes, with the status: a listener that misses it reads the task by itself later. */
export function announceTask(ports: Ports, { _id, status, updatedAt }: TaskDoc): void {
  announce(ports, taskEvent(_id), { kind: 'task', id: _id, status, updatedAt: updatedAt.toISOString() })
}

/** The same for a task that has entered the queue, with a token for an agent if it may be claimed at once. */
export function announceQueued(ports: Ports, task: TaskDoc): void {
  if (task.entry?.state === 'open') publishToken(ports, task.module)
  announceTask(ports, task)
}

export const announce = (ports: Ports, subject: string, change: ChangeEvent): void =>
  ports.bus.announce(subject, JSON.stringify(change))

/** What was announced; `null` for a bare announcement without content, and for one of another version of the API. */
export function announced(payload: string): ChangeEvent | null {
  if (payload === '') return null
  try {
    return ChangeEvent.safeParse(JSON.parse(payload)).data ?? null
  } catch {
    return null
  }
}

/** Sends a token without waiting for it: a request neither fails nor slows down because of NATS. */
export function publishToken(ports: Ports, module: string): void {
  ports.bus.announce(moduleEvent(module))
  ports.bus.sendToken(module).catch((err) => ports.logger.warn({ err, module }, 'sending a token failed'))
}
