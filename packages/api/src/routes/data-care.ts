import { contract } from '@millrace/shared'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { deleteData } from '../operations/data/delete-data.ts'
import { editData } from '../operations/data/edit-data.ts'
import { lineage } from '../operations/data/lineage.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import { presentData } from '../present/data.ts'
import { presentTask } from '../present/task.ts'

/** The calls for existing items. */
export const dataCareEndpoints = (ports: SettlePorts): Endpoint[] => [
  endpoint(
    contract.updateData,
    async (c, { params, body }) => {
      return c.json({ data: presentData(await editData(ports, params.id, body)) })
    },
    { auditDetail: (changes) => ({ changed: Object.keys(changes) }) },
  ),
  endpoint(contract.deleteData, async (c, { params }) => {
    await deleteData(ports, params.id)
    return c.body(null, 204)
  }),
  endpoint(contract.getLineage, async (c, { params }) => {
    const { item, producedBy, inputs, usedBy } = await lineage(ports, params.id)
    return c.json({
      data: presentData(item),
      producedBy: producedBy && presentTask(producedBy, { list: true }),
      inputs: inputs.map((input) => presentData(input, { list: true })),
      usedBy: usedBy.map((task) => presentTask(task, { list: true })),
    })
  }),
]
