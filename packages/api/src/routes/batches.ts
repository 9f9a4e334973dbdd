import { contract } from '@millrace/shared'
import { callerOf } from '../http/caller.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { type BatchPorts, submitBatch } from '../operations/batches/submit-batch.ts'
import { presentTask } from '../present/task.ts'

export const batchEndpoints = (ports: BatchPorts): Endpoint[] => [
  endpoint(contract.createTasks, async (c, { body }) => {
    const tasks = await submitBatch(ports, callerOf(c), body.tasks)
    const byRef = tasks.map((task, at) => [
      body.tasks[at]?.ref ?? task._id,
      presentTask(task, { list: true }),
    ])
    return c.json({ tasks: Object.fromEntries(byRef) }, 201)
  }),
]
