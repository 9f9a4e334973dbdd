import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keptSecret, randomSecret } from '../../home/secret-file.ts'

/** The users of a bucket: one that only uploads, one that only downloads, one that manages. */
export const bucketUsers = ['manage', 'upload', 'download'] as const
export type BucketUser = (typeof bucketUsers)[number]

/** An access key. The id is random too: forged requests have to name one that exists. */
export type KeyPair = { key: string; secret: string }
/** The keys of a store that runs here: of its users, and of its root, which only sets it up. */
export type StoreKeys = Record<BucketUser | 'root', KeyPair>

/** The keys kept in `folder`, made at the first start. */
export async function storeKeys(folder: string): Promise<StoreKeys> {
  const file = join(folder, 'keys.json')
  const text = await keptSecret(file, () =>
    JSON.stringify(Object.fromEntries(['root', ...bucketUsers].map((user) => [user, newPair()])), null, 2),
  )
  const kept: unknown = JSON.parse(text)
  const pair = (user: string): KeyPair => {
    const found = kept && typeof kept === 'object' && user in kept ? Object(kept)[user] : undefined
    if (typeof found?.key === 'string' && typeof found.secret === 'string') return found
    throw new Error(`${file}: no keys of ${user}; delete the file to make new ones`)
  }
  return { root: pair('root'), manage: pair('manage'), upload: pair('upload'), download: pair('download') }
}

/** 20 characters, as MinIO allows at most; a letter first. */
const newPair = (): KeyPair => ({
  key: `K${randomBytes(10).toString('hex').slice(1)}`,
  secret: randomSecret(),
})

/** What the user may do in the bucket: the text of an IAM policy. */
export async function policyFor(user: BucketUser, bucket: string): Promise<string> {
  const text = await readFile(new URL(`../../../minio/policies/${user}.json`, import.meta.url), 'utf8')
  return text.replaceAll('BUCKET', bucket)
}

/** The settings by which the API finds the store. */
export function storeSettings(
  endpoint: string,
  bucket: string,
  keys: Record<BucketUser, KeyPair>,
): Record<string, string> {
  return {
    S3_ENDPOINT: endpoint,
    S3_BUCKET: bucket,
    S3_MANAGE_KEY: keys.manage.key,
    S3_MANAGE_SECRET: keys.manage.secret,
    S3_UPLOAD_KEY: keys.upload.key,
    S3_UPLOAD_SECRET: keys.upload.secret,
    S3_DOWNLOAD_KEY: keys.download.key,
    S3_DOWNLOAD_SECRET: keys.download.secret,
  }
}
