import type { SettlePorts } from '../operations/settle/ports.ts'
import { letGo } from './let-go.ts'
import { nextPage, pageOf } from './pages-by-time.ts'
import { sweep } from './sweep.ts'

const everyMs = 60_000
const atOnce = 100

/** Deletes expired items. An item that an unfinished task needs stays until a later tick. */
export const expireData = sweep('expire-data', everyMs, async (ports: SettlePorts, after) => {
  const due = await ports.store.data.find(
    {
      ...pageOf('expiresAt', ports.clock.now(), after),
      status: { $in: ['available', 'failed', 'expired'] },
    },
    { sort: { expiresAt: 1, _id: 1 }, limit: atOnce },
  )
  for (const item of due) {
    if (await letGo(ports, item)) ports.logger.info({ data: item._id }, 'deleted an item at its expiry time')
  }
  return nextPage('expiresAt', due, atOnce)
})
