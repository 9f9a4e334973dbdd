import { incomingKey } from '../../objects/keys.ts'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import { contentOf, faultOfUpload } from './complete-upload.ts'

/**
 * The item, available at once, if the store already holds the declared bytes, by a SHA-256 that the store itself has
 * verified. It gets a separate copy, made within the store before the item exists, so that deleting one item never
 * touches the other. `null`: the client must upload the bytes.
 */
export async function deduplicate(ports: Ports, item: DataDoc): Promise<DataDoc | null> {
  const { sha256, size, contentType } = item
  if (sha256 === null || size === null || contentType === null) return null
  // Items of a grant and other items stay apart: a hash must not reveal that the other side has the bytes.
  const [held] = await ports.store.data.find(
    { sha256, size, status: 'available', isFile: true, grant: item.grant },
    { limit: 1 },
  )
  if (!held?.object) return null
  const object = incomingKey(item._id, item.uploads)
  if (!(await copied(ports, held.object, object, contentType))) return null
  const stored = await ports.objects.head(object)
  const inside = await contentOf(ports, object, { contentType, size })
  // Deleted meanwhile, or declared with the wrong type: a normal upload reports the reason.
  if (!stored || faultOfUpload(item, stored) || inside.fault) {
    await ports.objects.remove(object)
    return null
  }
  return { ...item, status: 'available', object, ...inside.measures }
}

/** Another request may delete the source at the same moment. */
async function copied(ports: Ports, from: string, to: string, contentType: string): Promise<boolean> {
  try {
    await ports.objects.copy(from, to, contentType)
    return true
  } catch (err) {
    ports.logger.info({ err, from }, 'copying deduplicated bytes failed; requesting an upload')
    return false
  }
}
