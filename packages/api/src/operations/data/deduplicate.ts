import { incomingKey } from '../../objects/keys.ts'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import { contentOf, faultOfUpload } from './complete-upload.ts'

/**
 * The item as it is when the store holds the promised bytes already, by a SHA-256 that the store itself has
 * verified. It gets a copy of its own, made within the store before the item exists, so that deleting one never
 * touches the other. `null`: the bytes have to be sent.
 */
export async function deduplicate(ports: Ports, item: DataDoc): Promise<DataDoc | null> {
  const { sha256, size, contentType } = item
  if (sha256 === null || size === null || contentType === null) return null
  // What was made with a grant's token and what was not know nothing of each other, not even by a hash.
  const [held] = await ports.store.data.find(
    { sha256, size, status: 'available', isFile: true, grant: item.grant },
    { limit: 1 },
  )
  if (!held?.object) return null
  const object = incomingKey(item._id, item.uploads)
  if (!(await copied(ports, held.object, object, contentType))) return null
  const stored = await ports.objects.head(object)
  const inside = await contentOf(ports, object, { contentType, size })
  // Gone meanwhile, or called something that it is not: the way of every upload tells why.
  if (!stored || faultOfUpload(item, stored) || inside.fault) {
    await ports.objects.remove(object)
    return null
  }
  return { ...item, status: 'available', object, ...inside.measures }
}

/** What was held may be deleted at this very moment. */
async function copied(ports: Ports, from: string, to: string, contentType: string): Promise<boolean> {
  try {
    await ports.objects.copy(from, to, contentType)
    return true
  } catch (err) {
    ports.logger.info({ err, from }, 'bytes that were held could not be copied; they are asked for')
    return false
  }
}
