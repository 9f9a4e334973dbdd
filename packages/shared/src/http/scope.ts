import { z } from 'zod'

/** The permissions of a key: everything; change data, tasks and runs; read; serve as an agent. */
export const Scope = z.enum(['admin', 'write', 'read', 'agent'])
export type Scope = z.infer<typeof Scope>
