import { readFile } from 'node:fs/promises'

/** The users of a bucket: one that may only upload, one that may only download, one that manages. */
export const threeUsers = ['manage', 'upload', 'download'] as const
export type BucketUser = (typeof threeUsers)[number]

/** What the user may do in the bucket: the text of an IAM policy. */
export async function policyFor(user: BucketUser, bucket: string): Promise<string> {
  const text = await readFile(new URL(`../../minio/policies/${user}.json`, import.meta.url), 'utf8')
  return text.replaceAll('BUCKET', bucket)
}

/** How the API is told of a store; the users are called what they are. */
export function storeSettings(
  endpoint: string,
  bucket: string,
  secrets: Record<BucketUser, string>,
): Record<string, string> {
  return {
    S3_ENDPOINT: endpoint,
    S3_BUCKET: bucket,
    S3_MANAGE_KEY: 'manage',
    S3_MANAGE_SECRET: secrets.manage,
    S3_UPLOAD_KEY: 'upload',
    S3_UPLOAD_SECRET: secrets.upload,
    S3_DOWNLOAD_KEY: 'download',
    S3_DOWNLOAD_SECRET: secrets.download,
  }
}
