import type { DataId, Settings } from '@millrace/shared'
import { inNeedOf, listOf } from '../operations/data/readers.ts'
import { readSettings } from '../operations/settings.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { Ports } from '../ports.ts'
import type { DataDoc } from '../store/documents/data.ts'
import { letGo } from './let-go.ts'
import { sweep } from './sweep.ts'

const everyMs = 3600 * 1000
const atOnce = 100
const dayMs = 24 * 3600 * 1000

/**
 * Deletes items that were untouched for the days of the settings, unless an unfinished task needs them. An item with
 * its own expiry time follows that alone.
 */
export const retainData = sweep('retain-data', everyMs, async (ports: SettlePorts, after) => {
  const kinds = overdue(await readSettings(ports), ports.clock.now())
  if (kinds.length === 0) return null
  const due = await ports.store.data.find(
    {
      _id: { $gt: after as DataId },
      status: { $in: ['available', 'failed'] },
      expiresAt: null,
      $or: kinds,
    },
    { sort: { _id: 1 }, limit: atOnce },
  )
  for (const item of due) {
    if ((await isKept(ports, item)) || !(await letGo(ports, item))) continue
    ports.failpoint('retention.removed')
    ports.logger.info({ data: item._id }, 'deleted an item after its retention time')
  }
  return due.length === atOnce ? (due.at(-1)?._id ?? null) : null
})

/** Uploads and inline values on one side, what tasks produced on the other. */
function overdue({ retentionDays }: Settings, now: Date) {
  const { uploads, outputs } = retentionDays
  const before = (days: number) => ({ $lte: new Date(now.getTime() - days * dayMs) })
  return [
    ...(uploads === null ? [] : [{ producer: null, updatedAt: before(uploads) }]),
    ...(outputs === null ? [] : [{ producer: { $ne: null }, updatedAt: before(outputs) }]),
  ]
}

/**
 * An element goes with its list. A rejected deletion writes the item, which would count as touching it, so this checks
 * for readers first.
 */
async function isKept(ports: Ports, item: DataDoc): Promise<boolean> {
  return (await listOf(ports, item)) !== null || (await inNeedOf(ports, item, 1)).length > 0
}
