import { contract } from '@millrace/shared'
import { notFound } from '../failure.ts'
import { callerOf } from '../http/caller.ts'
import { behind, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { createSchedule, editSchedule } from '../operations/schedules/keep-schedule.ts'
import type { SubmitPorts } from '../operations/submit.ts'
import { presentSchedule } from '../present/schedule.ts'

export const scheduleEndpoints = (ports: SubmitPorts): Endpoint[] => [
  endpoint(
    contract.createSchedule,
    async (c, { body }) => {
      return c.json({ schedule: presentSchedule(await createSchedule(ports, callerOf(c), body)) }, 201)
    },
    { auditDetail: ({ name, task }) => ({ name, module: task.module }) },
  ),
  endpoint(contract.listSchedules, async (c, { query }) => {
    const docs = await ports.store.schedules.find(behind(query.cursor, 'sch_'), {
      sort: { _id: -1 },
      limit: query.limit + 1,
    })
    return c.json(pageFrom(docs, query.limit, presentSchedule))
  }),
  endpoint(contract.getSchedule, async (c, { params }) => {
    const schedule = await ports.store.schedules.get(params.id)
    if (!schedule) throw notFound('schedule')
    return c.json({ schedule: presentSchedule(schedule) })
  }),
  endpoint(
    contract.updateSchedule,
    async (c, { params, body }) => {
      const id = params.id
      return c.json({ schedule: presentSchedule(await editSchedule(ports, id, body)) })
    },
    { auditDetail: (changes) => ({ changed: Object.keys(changes), enabled: changes.enabled }) },
  ),
  endpoint(contract.deleteSchedule, async (c, { params }) => {
    const id = params.id
    if (!(await ports.store.schedules.get(id))) throw notFound('schedule')
    await ports.store.schedules.remove(id)
    return c.body(null, 204)
  }),
]
