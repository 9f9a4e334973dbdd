import type { TaskId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import type { Shares } from '../queue/shares.ts'

/** What settling a task needs in addition: memory of this process, which may be lost at any time. */
export type SettlePorts = Ports & {
  shares: Shares
  /** Tasks whose end this process announces right now: its own readers need not read them again. */
  ending: Map<TaskId, TaskDoc>
}
