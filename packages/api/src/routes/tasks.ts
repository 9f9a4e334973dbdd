import { contract, isTerminal, taskEvent } from '@millrace/shared'
import type { ApiPorts } from '../api-ports.ts'
import { Failure, notFound } from '../failure.ts'
import { callerOf } from '../http/caller.ts'
import { pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { taskFilter } from '../http/filters/tasks.ts'
import { longPoll } from '../http/long-poll.ts'
import { requireVisible, visibleFilter } from '../http/visibility.ts'
import { announced } from '../operations/events/announce.ts'
import { findModule } from '../operations/modules/find-module.ts'
import { globalSlot } from '../operations/queue/slots.ts'
import { readTask } from '../operations/settle/read-task.ts'
import { notStaged } from '../operations/settle/staged.ts'
import { stillAwaited } from '../operations/settle/waits-on.ts'
import { submit } from '../operations/submit.ts'
import type { Ports } from '../ports.ts'
import { presentTask } from '../present/task.ts'
import type { TaskDoc } from '../store/documents/task.ts'

export const taskEndpoints = (ports: ApiPorts): Endpoint[] => [
  endpoint(contract.createTask, async (c, { body }) => {
    return c.json({ task: presentTask(await submit(ports, callerOf(c), body)) }, 201)
  }),
  endpoint(contract.runModule, async (c, { params: { name: module }, body: { queue, ...body } }) => {
    if (!c.var.repeated) {
      if (!(await findModule(ports, module))) throw notFound('module')
      if (!queue) await refuseWhenFull(ports)
    }
    const task = await submit(ports, callerOf(c), { ...body, module })
    return c.json(
      { taskId: task._id, runId: task.currentRun ?? `${task._id}.${task.attempt}`, status: task.status },
      202,
    )
  }),
  endpoint(contract.listTasks, async (c, { query }) => {
    const docs = await ports.store.tasks.find(
      {
        ...taskFilter(query),
        ...visibleFilter(c, query.grant),
        ...(await notStaged(ports)),
      },
      {
        sort: { _id: -1 },
        limit: query.limit + 1,
      },
    )
    return c.json(pageFrom(docs, query.limit, (task) => presentTask(task, { list: true })))
  }),
  endpoint(contract.getTask, async (c, { params, query }) => {
    const id = params.id
    let known: TaskDoc | undefined
    let endedAt: string | undefined
    const saysItEnded = (heard: string): boolean => {
      const change = announced(heard)
      // Events contain the status; one without a status may mean any change.
      if (change?.kind !== 'task') return true
      const isEnd = isTerminal(change.status)
      if (isEnd) endedAt = change.updatedAt
      return isEnd
    }
    // Answers before a proxy's timeout, which is mostly 60 s.
    const seconds = Math.min(query.wait, ports.limits.longestWaitSeconds)
    const close = query.wait > 0 ? c.var.budget.openStream() : undefined
    const ended = await longPoll(
      ports.bus,
      { subjects: [taskEvent(id)], seconds, signal: c.req.raw.signal, matters: saysItEnded },
      async () => {
        const task = requireVisible(c, await readTask(ports, id, { known, endedAt }), 'task')
        known = task
        return isTerminal(task.status) ? task : undefined
      },
    ).finally(close)
    const task = ended ?? requireVisible(c, await readTask(ports, id), 'task')
    const agent =
      task.status === 'running' && task.agentId ? await ports.store.agents.get(task.agentId) : null
    const waitingFor = await stillAwaited(ports, task)
    return c.json({ task: presentTask({ ...task, waitingFor }, { agent }) })
  }),
]

async function refuseWhenFull(ports: Ports): Promise<void> {
  const slot = await ports.store.slots.get(globalSlot)
  if (slot && slot.holders.length >= slot.limit) {
    throw new Failure(
      'at_capacity',
      `${slot.holders.length} of ${slot.limit} tasks are running. Ask with "queue": true to wait.`,
    )
  }
}
