import type { Deps } from '../deps.ts'
import { placeOf } from '../objects/keys.ts'
import { ownsBucket } from '../operations/bucket/bucket-owner.ts'
import { addCounts } from '../operations/bucket/janitor-counts.ts'
import { isAbandoned } from '../operations/bucket/judge-object.ts'
import { sweep } from './sweep.ts'

const everyMs = 3600 * 1000
const atOnce = 200

/** Uploads in parts that no item knows of (any more) are given up in the store: their parts take room, unseen. */
export const abortUploads = sweep('abort-uploads', everyMs, async (deps: Deps, after) => {
  if (!(await ownsBucket(deps))) return null
  const { uploads, more } = await deps.objects.multipart.open(after, atOnce)
  const ids = uploads.flatMap(({ key }) => {
    const place = placeOf(key)
    return place?.kind === 'incoming' ? [place.item] : []
  })
  const items = new Map((await deps.store.data.many([...new Set(ids)])).map((item) => [item._id, item]))
  const now = deps.clock.now()
  const abandoned = uploads.filter((upload) => isAbandoned(upload, items, now)).slice(0, atOnce)
  for (const { key, uploadId } of abandoned) await deps.objects.multipart.abort(key, uploadId)
  if (abandoned.length > 0) {
    const keys = [...new Set(abandoned.map(({ key }) => key))].slice(0, 20)
    deps.logger.info(
      { aborted: abandoned.length, keys },
      'uploads in parts that nobody goes on with were given up',
    )
  }
  await addCounts(deps, { objectsRemoved: 0, itemsWithoutObject: 0, uploadsAborted: abandoned.length })
  const last = uploads.at(-1)?.key ?? ''
  return more && last > after ? last : null
})
