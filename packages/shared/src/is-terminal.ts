import type { TaskStatus } from './task.ts'

export const isTerminal = (status: TaskStatus): boolean =>
  status === 'succeeded' || status === 'failed' || status === 'cancelled' || status === 'skipped'
