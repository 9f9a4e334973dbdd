import type { TaskId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import type { Shares } from '../queue/shares.ts'

/** What settling a task needs beside the ports: memory of this process, which may be lost at any time. */
export type SettlePorts = Ports & {
  shares: Shares
  /** Tasks whose end is announced right now: a reader of this process that hears it need not read them. */
  ending: Map<TaskId, TaskDoc>
}
