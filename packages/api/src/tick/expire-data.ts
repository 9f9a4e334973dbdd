import type { DataId } from '@millrace/shared'
import type { SettlePorts } from '../operations/settle/ports.ts'
import { letGo } from './let-go.ts'
import { sweep } from './sweep.ts'

const everyMs = 60_000
const atOnce = 100

/** Deletes expired items. An item that an unfinished task needs stays until a later tick. */
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
    if (await letGo(ports, item)) ports.logger.info({ data: item._id }, 'deleted an item at its expiry time')
  }
  return due.length === atOnce ? (due.at(-1)?._id ?? null) : null
})
