import { incomingKey } from '../../objects/keys.ts'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import { abortMultipart } from './multipart-upload.ts'

/** Everything that an item may have in the object store. What is not there is as good as removed. */
export async function removeContent(ports: Ports, item: DataDoc): Promise<void> {
  await abortMultipart(ports, item)
  for (const key of keysOf(item)) await ports.objects.remove(key)
}

/** Its own object, and whatever was sent to any of its upload URLs, whether it was completed or not. */
export function keysOf(item: DataDoc): string[] {
  const sent = Array.from({ length: item.uploads }, (_, at) => incomingKey(item._id, at + 1))
  return [...new Set([...(item.object === null ? [] : [item.object]), ...sent])]
}
