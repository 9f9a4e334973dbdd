import { placeOf } from '../objects/keys.ts'
import { ownsBucket } from '../operations/bucket/bucket-owner.ts'
import { addCounts } from '../operations/bucket/janitor-counts.ts'
import { isAbandoned } from '../operations/bucket/judge-object.ts'
import type { Ports } from '../ports.ts'
import { sweep } from './sweep.ts'

const everyMs = 3600 * 1000
const atOnce = 200

/** Aborts multipart uploads that no item continues: their parts take space in the store, and no listing shows them. */
export const abortUploads = sweep('abort-uploads', everyMs, async (ports: Ports, after) => {
  if (!(await ownsBucket(ports))) return null
  const { uploads, more } = await ports.objects.multipart.open(after, atOnce)
  const ids = uploads.flatMap(({ key }) => {
    const place = placeOf(key)
    return place?.kind === 'incoming' ? [place.item] : []
  })
  const items = new Map((await ports.store.data.many([...new Set(ids)])).map((item) => [item._id, item]))
  const now = ports.clock.now()
  const abandoned = uploads.filter((upload) => isAbandoned(upload, items, now)).slice(0, atOnce)
  for (const { key, uploadId } of abandoned) await ports.objects.multipart.abort(key, uploadId)
  if (abandoned.length > 0) {
    const keys = [...new Set(abandoned.map(({ key }) => key))].slice(0, 20)
    ports.logger.info({ aborted: abandoned.length, keys }, 'aborted multipart uploads that no item continues')
  }
  await addCounts(ports, { objectsRemoved: 0, itemsWithoutObject: 0, uploadsAborted: abandoned.length })
  const last = uploads.at(-1)?.key ?? ''
  return more && last > after ? last : null
})
