import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type Part,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { partChecksumsOf } from './part-checksums.ts'

export type StoredPart = { partNumber: number; size: number; etag: string; sha256: string | null }
export type OpenUpload = { key: string; uploadId: string; beganAt: Date }
type PresignedPart = { url: string; headers: Record<string, string>; expiresAt: Date }

/** Files that come in parts. `null` or `false`: the store does not know the upload, or no longer. */
export type Multipart = {
  /** Whether the store rejects a part whose bytes do not have the signed SHA-256. */
  verifiesParts(): Promise<boolean>
  begin(key: string, options: { contentType: string; checksums: boolean }): Promise<string>
  /** The URL takes exactly that many bytes, and with `sha256` (hex) exactly those. */
  presign(
    key: string,
    uploadId: string,
    part: { partNumber: number; size: number; sha256?: string },
  ): Promise<PresignedPart>
  list(key: string, uploadId: string): Promise<StoredPart[] | null>
  complete(key: string, uploadId: string, parts: readonly StoredPart[]): Promise<boolean>
  abort(key: string, uploadId: string): Promise<void>
  /**
   * Uploads of the whole bucket that were neither completed nor aborted: a page of those after a key, in the order
   * of keys. MinIO and SeaweedFS give all at once, in any order; SeaweedFS only when `after` is empty, MinIO none from
   * before its last start, because it aborts those itself.
   */
  open(after: string, limit: number): Promise<{ uploads: OpenUpload[]; more: boolean }>
}

const partSeconds = 60 * 60

export function openMultipart(Bucket: string, manage: S3Client, upload: S3Client): Multipart {
  const partChecksums = partChecksumsOf(manage, Bucket)
  return {
    verifiesParts: async () => (await partChecksums()) !== 'ignored',

    async begin(Key, { contentType, checksums }) {
      // With an algorithm, an upload is completed with the checksums of its parts, and so needs a store that lists them.
      const algorithm = checksums && (await partChecksums()) === 'listed'
      const { UploadId } = await manage.send(
        new CreateMultipartUploadCommand({
          Bucket,
          Key,
          ContentType: contentType,
          ...(algorithm ? { ChecksumAlgorithm: 'SHA256' } : {}),
        }),
      )
      if (!UploadId) throw new Error('the store gave no upload id')
      return UploadId
    },

    async presign(Key, UploadId, { partNumber, size, sha256 }) {
      const checksum = sha256 && Buffer.from(sha256, 'hex').toString('base64')
      const command = new UploadPartCommand({
        Bucket,
        Key,
        UploadId,
        PartNumber: partNumber,
        ContentLength: size,
        ...(checksum ? { ChecksumSHA256: checksum } : {}),
      })
      const expiresAt = new Date(Date.now() + partSeconds * 1000)
      const url = await getSignedUrl(upload, command, {
        expiresIn: partSeconds,
        signableHeaders: new Set(['host', 'content-length', 'x-amz-checksum-sha256']),
        unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
      })
      const headers: Record<string, string> = checksum ? { 'x-amz-checksum-sha256': checksum } : {}
      return { url, headers, expiresAt }
    },

    async list(Key, UploadId) {
      const found = new Map<number | undefined, Part>()
      let after: string | undefined
      try {
        do {
          const page = await manage.send(
            new ListPartsCommand({ Bucket, Key, UploadId, PartNumberMarker: after }),
          )
          for (const part of page.Parts ?? []) {
            const { PartNumber } = part
            // SeaweedFS lists a part twice when it was sent twice, with times in whole seconds.
            if (isLater(part, found.get(PartNumber))) found.set(PartNumber, part)
          }
          after = page.IsTruncated ? page.NextPartNumberMarker : undefined
        } while (after)
      } catch (error) {
        if (isUnknownUpload(error)) return null
        throw error
      }
      return [...found.values()].map(storedPart)
    },

    async complete(Key, UploadId, parts) {
      const Parts = parts.map(({ partNumber, etag, sha256 }) => ({
        PartNumber: partNumber,
        ETag: etag,
        ...(sha256 ? { ChecksumSHA256: sha256 } : {}),
      }))
      try {
        await manage.send(
          new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
        )
        return true
      } catch (error) {
        if (isUnknownUpload(error)) return false
        throw error
      }
    },

    async abort(Key, UploadId) {
      try {
        await manage.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
      } catch (error) {
        if (!isUnknownUpload(error)) throw error
      }
    },

    // Without a prefix: MinIO takes one for a whole key. It also ignores marker and limit.
    async open(after, limit) {
      const asked = { Bucket, KeyMarker: after || undefined, MaxUploads: limit }
      let page = await manage.send(new ListMultipartUploadsCommand(asked))
      const found = page.Uploads ?? []
      // SeaweedFS orders uploads by their ids, so only all of them are a page.
      while (page.IsTruncated && !page.NextKeyMarker && page.NextUploadIdMarker) {
        const UploadIdMarker = page.NextUploadIdMarker
        page = await manage.send(new ListMultipartUploadsCommand({ ...asked, UploadIdMarker }))
        found.push(...(page.Uploads ?? []))
      }
      const uploads = found.flatMap(({ Key, UploadId, Initiated }) =>
        Key && Key > after && UploadId && Initiated
          ? [{ key: Key, uploadId: UploadId, beganAt: Initiated }]
          : [],
      )
      return { uploads, more: page.IsTruncated ?? false }
    },
  }
}

const isLater = ({ LastModified: one }: Part, than: Part | undefined): boolean =>
  !than || !one || !than.LastModified || one >= than.LastModified

const storedPart = (part: Part): StoredPart => ({
  partNumber: part.PartNumber ?? 0,
  size: part.Size ?? 0,
  etag: part.ETag ?? '',
  sha256: part.ChecksumSHA256 ?? null,
})

const isUnknownUpload = (error: unknown): boolean =>
  error instanceof S3ServiceException && (error.name === 'NoSuchUpload' || error.name === 'NoSuchKey')
