import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

/** One PUT to the same store, with nothing of Millrace in between. With `sha256` (base64) the store checks it. */
export function barePut(env: Record<string, string>) {
  const { S3_ENDPOINT: endpoint, S3_BUCKET: Bucket, S3_UPLOAD_KEY, S3_UPLOAD_SECRET } = env
  const { S3_MANAGE_KEY, S3_MANAGE_SECRET } = env
  const clientOf = (accessKeyId = '', secretAccessKey = '') =>
    new S3Client({
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
      requestChecksumCalculation: 'WHEN_REQUIRED',
    })
  const client = clientOf(S3_UPLOAD_KEY, S3_UPLOAD_SECRET)
  const manage = clientOf(S3_MANAGE_KEY, S3_MANAGE_SECRET)
  let count = 0
  return {
    /** Resolves with a function that removes the object, so that the disk does not fill up. */
    async put(body: Blob, sha256?: string): Promise<() => Promise<unknown>> {
      const Key = `incoming/bare/${count++}`
      const command = new PutObjectCommand({
        Bucket,
        Key,
        ContentLength: body.size,
        ChecksumSHA256: sha256,
      })
      const url = await getSignedUrl(client, command, {
        unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
      })
      const headers: Record<string, string> = sha256 ? { 'x-amz-checksum-sha256': sha256 } : {}
      const response = await fetch(url, { method: 'PUT', body, headers })
      if (!response.ok) throw new Error(`the bare PUT got ${response.status} ${await response.text()}`)
      return () => manage.send(new DeleteObjectCommand({ Bucket, Key }))
    },
    close() {
      for (const one of [client, manage]) one.destroy()
    },
  }
}
