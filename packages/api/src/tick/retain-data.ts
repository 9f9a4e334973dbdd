import type { Settings } from '@millrace/shared'
import { inNeedOf, listOf } from '../operations/data/readers.ts'
import { readSettings } from '../operations/settings.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { Ports } from '../ports.ts'
import type { DataDoc } from '../store/documents/data.ts'
import { letGo } from './let-go.ts'
import { nextPage, pageOf } from './pages-by-time.ts'
import { sweep } from './sweep.ts'

const everyMs = 3600 * 1000
const atOnce = 100
const dayMs = 24 * 3600 * 1000

/**
 * Deletes items that were untouched for the days of the settings, unless an unfinished task needs them. An item with
 * its own expiry time follows that alone. Uploads and inline values have one setting, what tasks produced another.
 */
export async function retainData(ports: SettlePorts): Promise<void> {
  await retainUploads(ports)
  await retainOutputs(ports)
}

const retainUploads = sweep('retain-uploads', everyMs, (ports: SettlePorts, after) =>
  retain(ports, 'uploads', after),
)
const retainOutputs = sweep('retain-outputs', everyMs, (ports: SettlePorts, after) =>
  retain(ports, 'outputs', after),
)

async function retain(
  ports: SettlePorts,
  kind: keyof Pick<Settings['retentionDays'], 'uploads' | 'outputs'>,
  after: string,
): Promise<string | null> {
  const days = (await readSettings(ports)).retentionDays[kind]
  if (days === null) return null
  const before = new Date(ports.clock.now().getTime() - days * dayMs)
  const due = await ports.store.data.find(
    { retention: kind, ...pageOf('updatedAt', before, after) },
    { sort: { updatedAt: 1, _id: 1 }, limit: atOnce },
  )
  for (const item of due) {
    if ((await isKept(ports, item)) || !(await letGo(ports, item))) continue
    ports.failpoint('retention.removed')
    ports.logger.info({ data: item._id }, 'deleted an item after its retention time')
  }
  return nextPage('updatedAt', due, atOnce)
}

/**
 * An element goes with its list. A rejected deletion writes the item, which would count as touching it, so this checks
 * for readers first.
 */
async function isKept(ports: Ports, item: DataDoc): Promise<boolean> {
  return (await listOf(ports, item)) !== null || (await inNeedOf(ports, item, 1)).length > 0
}
