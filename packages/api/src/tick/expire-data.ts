import type { DataId } from '@millrace/shared'
import type { SettlePorts } from '../operations/settle/ports.ts'
import { letGo } from './let-go.ts'
import { sweep } from './sweep.ts'

const everyMs = 60_000
const atOnce = 100

/** Items whose own time is over go, unless a task that has not ended needs them: then they are looked at again. */
export const expireData = sweep('expire-data', everyMs, async (ports: SettlePorts, after) => {
  const due = await ports.store.data.find(
    {
      _id: { $gt: after as DataId },
      expiresAt: { $lte: ports.clock.now() },
      status: { $in: ['available', 'failed', 'expired'] },
    },
    { sort: { _id: 1 }, limit: atOnce },
  )
  for (const item of due) {
    if (await letGo(ports, item))
      ports.logger.info({ data: item._id }, 'an item went at the time that was set for it')
  }
  return due.length === atOnce ? (due.at(-1)?._id ?? null) : null
})
