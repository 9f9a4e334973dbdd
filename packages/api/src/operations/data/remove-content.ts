import { incomingKey } from '../../objects/keys.ts'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import { abortMultipart } from './multipart-upload.ts'

/** Removes everything that an item may have in the object store; missing objects are no error. */
export async function removeContent(ports: Ports, item: DataDoc): Promise<void> {
  await abortMultipart(ports, item)
  for (const key of keysOf(item)) await ports.objects.remove(key)
}

/** Its object, and everything sent to any of its upload URLs, completed or not. */
export function keysOf(item: DataDoc): string[] {
  const sent = Array.from({ length: item.uploads }, (_, at) => incomingKey(item._id, at + 1))
  return [...new Set([...(item.object === null ? [] : [item.object]), ...sent])]
}
