import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NotFound,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { type Multipart, openMultipart } from './multipart.ts'

type KeyPair = { key: string; secret: string }
export type ObjectsConfig = {
  endpoint: string
  publicEndpoint: string
  bucket: string
  region: string
  manage: KeyPair
  upload: KeyPair
  download: KeyPair
}

/** What a presigned PUT requires of the bytes. `sha256` in hex. */
type Promised = { size: number; contentType: string; sha256?: string }
export type StoredObject = { size: number; contentType: string; sha256: string | null }
export type ListedObject = { key: string; lastModified: Date }
export type PresignedPut = { url: string; headers: Record<string, string>; expiresAt: Date }

/** The object store, as the rest of the API sees it. Bytes of users never pass through here. */
export type Objects = {
  presignPut(key: string, promised: Promised): Promise<PresignedPut>
  presignGet(
    key: string,
    answer: { contentType?: string; disposition?: string },
  ): Promise<{ url: string; expiresAt: Date }>
  head(key: string): Promise<StoredObject | null>
  read(key: string): Promise<string | null>
  /** Bytes `from` up to, not including, `to`, which must lie within it. */
  readRange(key: string, from: number, to: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>>
  write(key: string, body: string, contentType: string): Promise<void>
  /** Within the store, under another type. */
  copy(from: string, to: string, contentType: string): Promise<void>
  remove(key: string): Promise<void>
  /** Objects under a prefix in the order of their keys, from the first one after `after`. */
  list(prefix: string, after: string, limit: number): Promise<{ objects: ListedObject[]; more: boolean }>
  multipart: Multipart
  ping(): Promise<void>
  close(): void
}

const putSeconds = 15 * 60
const getSeconds = 60 * 60

/**
 * A user that may only PUT signs uploads, one that may only GET signs downloads, and a third does the rest. URLs have
 * the public name of the store, which browsers and remote agents can reach.
 */
export function openObjects(config: ObjectsConfig): Objects {
  const manage = client(config, config.endpoint, config.manage)
  const upload = client(config, config.publicEndpoint, config.upload)
  const download = client(config, config.publicEndpoint, config.download)
  const Bucket = config.bucket

  return {
    async presignPut(key, { size, contentType, sha256 }) {
      const command = new PutObjectCommand({
        Bucket,
        Key: key,
        ContentLength: size,
        ContentType: contentType,
        IfNoneMatch: '*', // single use: the URL cannot change the object afterwards
        ...(sha256 ? { ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64') } : {}),
      })
      const expiresAt = new Date(Date.now() + putSeconds * 1000)
      const url = await getSignedUrl(upload, command, {
        expiresIn: putSeconds,
        signableHeaders: new Set([
          'host',
          'content-type',
          'content-length',
          'if-none-match',
          'x-amz-checksum-sha256',
        ]),
        unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
      })
      const headers: Record<string, string> = { 'content-type': contentType, 'if-none-match': '*' }
      if (command.input.ChecksumSHA256) headers['x-amz-checksum-sha256'] = command.input.ChecksumSHA256
      return { url, headers, expiresAt }
    },

    async presignGet(key, { contentType, disposition }) {
      const command = new GetObjectCommand({
        Bucket,
        Key: key,
        ResponseContentType: contentType,
        ResponseContentDisposition: disposition,
        // A URL cannot keep an uploader from declaring an encoding; serve the bytes that the API inspected.
        ResponseContentEncoding: 'identity',
      })
      const expiresAt = new Date(Date.now() + getSeconds * 1000)
      return { url: await getSignedUrl(download, command, { expiresIn: getSeconds }), expiresAt }
    },

    async head(key) {
      try {
        const found = await manage.send(new HeadObjectCommand({ Bucket, Key: key, ChecksumMode: 'ENABLED' }))
        const checksum = found.ChecksumSHA256
        return {
          size: found.ContentLength ?? 0,
          contentType: found.ContentType ?? 'application/octet-stream',
          sha256:
            checksum && !checksum.includes('-') ? Buffer.from(checksum, 'base64').toString('hex') : null,
        }
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },

    async read(key) {
      try {
        const found = await manage.send(new GetObjectCommand({ Bucket, Key: key }))
        return (await found.Body?.transformToString('utf-8')) ?? ''
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },

    async readRange(key, from, to, abortSignal) {
      const Range = `bytes=${from}-${to - 1}`
      const found = await manage.send(new GetObjectCommand({ Bucket, Key: key, Range }), { abortSignal })
      return Uint8Array.from((await found.Body?.transformToByteArray()) ?? [])
    },

    async write(key, body, contentType) {
      const ContentLength = Buffer.byteLength(body) // the SDK does not see the length of an empty one
      await manage.send(
        new PutObjectCommand({ Bucket, Key: key, Body: body, ContentLength, ContentType: contentType }),
      )
    },
    async copy(from, to, contentType) {
      await manage.send(
        new CopyObjectCommand({
          Bucket,
          Key: to,
          CopySource: `${Bucket}/${from}`,
          ContentType: contentType,
          MetadataDirective: 'REPLACE',
          ChecksumAlgorithm: 'SHA256',
        }),
      )
    },
    async remove(key) {
      await manage.send(new DeleteObjectCommand({ Bucket, Key: key }))
    },
    async list(Prefix, after, limit) {
      const StartAfter = after || undefined
      const page = await manage.send(new ListObjectsV2Command({ Bucket, Prefix, StartAfter, MaxKeys: limit }))
      const objects = (page.Contents ?? []).flatMap(({ Key, LastModified }) =>
        Key && LastModified ? [{ key: Key, lastModified: LastModified }] : [],
      )
      return { objects, more: page.IsTruncated ?? false }
    },
    multipart: openMultipart(Bucket, manage, upload),
    async ping() {
      await manage.send(new HeadBucketCommand({ Bucket }), { abortSignal: AbortSignal.timeout(3_000) })
    },
    close() {
      for (const one of [manage, upload, download]) one.destroy()
    },
  }
}

function client(config: ObjectsConfig, endpoint: string, pair: KeyPair): S3Client {
  return new S3Client({
    endpoint,
    region: config.region,
    forcePathStyle: true,
    credentials: { accessKeyId: pair.key, secretAccessKey: pair.secret },
    // The SDK would otherwise sign a checksum of an empty body into every presigned PUT.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 3,
  })
}

function isMissing(error: unknown): boolean {
  if (error instanceof NotFound) return true
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404
}

/** The object store is unreachable; the request itself is valid. */
export function isObjectStoreAway(error: unknown): boolean {
  const away = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'ETIMEDOUT']
  if (error instanceof Error && ['AbortError', 'TimeoutError'].includes(error.name)) return true
  return error instanceof Error && 'code' in error && away.includes(String(error.code))
}
