import type { DataId } from '@millrace/shared'
import type { Known } from './forgeries.ts'
import { incomingKey } from './keys.ts'
import { type ListedObject, type Objects, type ObjectsConfig, openObjects } from './objects.ts'

/** A request that the store should have rejected, and how the store showed that it did not. */
export type Accepted = { request: string; evidence: string }

/** The store through its users, and the facts that an attacker at one endpoint knows. */
export type Probe = Known & {
  store: Objects
  /** Signs uploads as the `manage` user, which may write outside `incoming/` and `runs/`. */
  manager: Objects
  item: DataId
  /** Prefix for an object that may break a listing; the janitor lists other prefixes. */
  unlistedKey: string
  /** An object that the `manage` user wrote, and its bytes. */
  key: string
  genuine: string
}

const answerWithinMs = 10_000
const unlisted = 'millrace-check/'
const leftOverAfterMs = 3600 * 1000

/** Throws when the store cannot be reached. */
export async function openProbe(config: ObjectsConfig, item: DataId): Promise<Probe> {
  const { publicEndpoint, bucket, region, manage, upload, download } = config
  const store = openObjects(config)
  try {
    await store.ping()
  } catch (error) {
    store.close()
    throw error
  }
  return {
    store,
    manager: openObjects({ ...config, upload: manage }),
    item,
    unlistedKey: `${unlisted}${item}`,
    key: incomingKey(item, 1),
    genuine: 'genuine',
    bucketUrl: `${publicEndpoint.replace(/\/+$/, '')}/${bucket}`,
    bucket,
    region,
    keyIds: { manage: manage.key, upload: upload.key, download: download.key },
  }
}

/** Removes every object of this probe, and of earlier ones whose process was killed. */
export async function closeProbe({ store, manager, item }: Probe): Promise<void> {
  try {
    const own = await store.list(`incoming/${item}/`, '', 100)
    // Fails where an object is unreadable. The object then stays and does no harm.
    const others = await store.list(unlisted, '', 100).catch(() => ({ objects: [] }))
    const isOld = ({ lastModified }: ListedObject) => Date.now() - lastModified.getTime() > leftOverAfterMs
    const all = [...own.objects, ...others.objects.filter(isOld)]
    await Promise.all(all.map(({ key }) => store.remove(key)))
  } finally {
    store.close()
    manager.close()
  }
}

export async function send(url: string, init: RequestInit = {}): Promise<number> {
  const signal = AbortSignal.timeout(answerWithinMs)
  const response = await fetch(url, { ...init, redirect: 'manual', signal })
  await response.body?.cancel()
  return response.status
}

/** `null` without an answer: a store may cut the connection instead of reading a body that it rejects. */
export const statusOf = (url: string, init?: RequestInit): Promise<number | null> =>
  send(url, init).catch(() => null)

export const isSuccess = (status: number | null): boolean => status !== null && status >= 200 && status < 300
export const answered = (status: number | null): string =>
  status === null ? 'no answer' : `answered ${status}`

/** `fetch` puts its reason into the cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
