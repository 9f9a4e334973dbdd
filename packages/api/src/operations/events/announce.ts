import { ChangeEvent, moduleEvent, taskEvent } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** Best effort, after the writes, with the status: whoever misses it reads again by himself. */
export function announceTask(deps: Deps, { _id, status, updatedAt }: TaskDoc): void {
  announce(deps, taskEvent(_id), { kind: 'task', id: _id, status, updatedAt: updatedAt.toISOString() })
}

export const announce = (deps: Deps, subject: string, change: ChangeEvent): void =>
  deps.bus.announce(subject, JSON.stringify(change))

/** What was announced; `null` for a mere call to look, and for what another version of this program says. */
export function announced(payload: string): ChangeEvent | null {
  if (payload === '') return null
  try {
    return ChangeEvent.safeParse(JSON.parse(payload)).data ?? null
  } catch {
    return null
  }
}

/** Sends a token without waiting for it: a request neither fails nor slows down because of NATS. */
export function publishToken(deps: Deps, module: string): void {
  deps.bus.announce(moduleEvent(module))
  deps.bus.sendToken(module).catch((err) => deps.logger.warn({ err, module }, 'sending a token failed'))
}
