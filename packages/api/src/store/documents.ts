/** What lies in MongoDB, one file for each kind. */
export * from './documents/access.ts'
export * from './documents/agent.ts'
export * from './documents/data.ts'
export * from './documents/meta.ts'
export * from './documents/module.ts'
export * from './documents/queue.ts'
export * from './documents/run.ts'
export * from './documents/task.ts'
