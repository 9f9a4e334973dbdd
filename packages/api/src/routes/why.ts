import { contract } from '@millrace/shared'
import { notFound } from '../failure.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { findTask } from '../operations/settle/staged.ts'
import { stillAwaited } from '../operations/settle/waits-on.ts'
import { gatherFacts } from '../operations/why/facts.ts'
import { whyWaiting } from '../operations/why/why-waiting.ts'
import type { Ports } from '../ports.ts'

export const whyEndpoints = (ports: Ports): Endpoint[] => [
  endpoint(contract.explainTask, async (c, { params }) => {
    const task = await findTask(ports, params.id)
    if (!task) throw notFound('task')
    const waitingFor = await stillAwaited(ports, task)
    return c.json({ waitingFor: whyWaiting(await gatherFacts(ports, { ...task, waitingFor })) })
  }),
]
