import { TaskId, WhyAnswer } from '@millrace/shared'
import { notFound } from '../failure.ts'
import { type Endpoint, endpoint, pathId } from '../http/endpoint.ts'
import { findTask } from '../operations/settle/staged.ts'
import { stillAwaited } from '../operations/settle/waits-on.ts'
import { gatherFacts } from '../operations/why/facts.ts'
import { whyWaiting } from '../operations/why/why-waiting.ts'
import type { Ports } from '../ports.ts'

export const whyEndpoints = (ports: Ports): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/tasks/:id/why',
    scope: 'read',
    tag: 'Tasks',
    summary: 'Why a task does not run yet: every reason that holds now',
    answers: { 200: { description: 'The reasons', schema: WhyAnswer } },
    async handle(c) {
      const task = await findTask(ports, pathId(c, TaskId, 'task'))
      if (!task) throw notFound('task')
      const waitingFor = await stillAwaited(ports, task)
      return c.json({ waitingFor: whyWaiting(await gatherFacts(ports, { ...task, waitingFor })) })
    },
  }),
]
