import { DataAnswer, DataId, EditData, LineageAnswer } from '@millrace/shared'
import { type Endpoint, endpoint, pathId } from '../http/endpoint.ts'
import { deleteData } from '../operations/data/delete-data.ts'
import { editData } from '../operations/data/edit-data.ts'
import { lineage } from '../operations/data/lineage.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import { presentData } from '../present/data.ts'
import { presentTask } from '../present/task.ts'

/** What happens to an item once it is there. */
export const dataCareEndpoints = (ports: SettlePorts): Endpoint[] => [
  endpoint({
    method: 'patch',
    path: '/api/data/:id',
    scope: 'write',
    audit: 'data.change',
    tag: 'Data',
    summary: 'Change label, tags or expiry',
    body: EditData,
    auditDetail: (changes) => ({ changed: Object.keys(changes) }),
    answers: { 200: { description: 'The item', schema: DataAnswer } },
    async handle(c, { body }) {
      return c.json({ data: presentData(await editData(ports, pathId(c, DataId, 'data item'), body)) })
    },
  }),
  endpoint({
    method: 'delete',
    path: '/api/data/:id',
    scope: 'write',
    audit: 'data.delete',
    tag: 'Data',
    summary: 'Remove an item and its content',
    answers: { 204: { description: 'Gone' } },
    async handle(c) {
      await deleteData(ports, pathId(c, DataId, 'data item'))
      return c.body(null, 204)
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/data/:id/lineage',
    scope: 'read',
    tag: 'Data',
    summary: 'The task that produced an item, what that task read, and the tasks that read the item',
    answers: { 200: { description: 'One step each way', schema: LineageAnswer } },
    async handle(c) {
      const { item, producedBy, inputs, usedBy } = await lineage(ports, pathId(c, DataId, 'data item'))
      return c.json({
        data: presentData(item),
        producedBy: producedBy && presentTask(producedBy, { list: true }),
        inputs: inputs.map((input) => presentData(input, { list: true })),
        usedBy: usedBy.map((task) => presentTask(task, { list: true })),
      })
    },
  }),
]
