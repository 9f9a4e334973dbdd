import { isTerminal as isTerminalStatus } from '@millrace/shared/for-clients'
import type { TaskStatus } from './contract.gen.ts'

// An export of the original would name the private package in the declarations.
/** Whether a task with this status has ended. */
export const isTerminal: (status: TaskStatus) => boolean = isTerminalStatus
