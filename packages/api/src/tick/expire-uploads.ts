import { settleData } from '../operations/data/complete-upload.ts'
import { uploadLifetimeMs } from '../operations/data/multipart-upload.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import { onceAMinute } from './once-a-minute.ts'

const atOnce = 100

/** Fails uploads that are unfinished after a day, settles their dependents, and removes the parts that arrived. */
export const expireUploads = onceAMinute('expire-uploads', async (ports: SettlePorts) => {
  const before = new Date(ports.clock.now().getTime() - uploadLifetimeMs)
  const items = await ports.store.data.find(
    { status: 'uploading', createdAt: { $lte: before } },
    { limit: atOnce },
  )
  for (const item of items) {
    const change = await ports.store.data.change(item, (current) =>
      current.status === 'uploading'
        ? {
            ...current,
            status: 'expired',
            error: { code: 'upload_expired', message: 'The upload was not finished within 24 hours.' },
            settle: { kind: 'admit-waiting' },
            updatedAt: ports.clock.now(),
          }
        : null,
    )
    if (!change) continue
    ports.failpoint('expire.written')
    ports.logger.info({ data: item._id }, 'upload expired')
    await settleData(ports, change.after)
  }
})
