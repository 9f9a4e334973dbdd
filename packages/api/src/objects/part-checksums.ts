import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3'

/**
 * What a store does with the SHA-256 of a part: verify it and list it again, as S3 does; verify it but not list it, as
 * SeaweedFS does; or ignore it.
 */
export type PartChecksums = 'listed' | 'verified' | 'ignored'

const Key = 'millrace-checksum-probe'
const right = { Body: 'a', ChecksumSHA256: 'ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=' }
const wrong = { ...right, Body: 'b' }

/** Asks the store at the first call and keeps the answer; a failure is not kept. */
export function partChecksumsOf(store: S3Client, Bucket: string): () => Promise<PartChecksums> {
  let answer: Promise<PartChecksums> | undefined
  return () => {
    answer ??= probe(store, Bucket).catch((error) => {
      answer = undefined
      throw error
    })
    return answer
  }
}

/** By uploads of one byte, which are aborted. */
async function probe(store: S3Client, Bucket: string): Promise<PartChecksums> {
  const listed = await withUpload(store, { Bucket, ChecksumAlgorithm: 'SHA256' }, async (upload) => {
    await store.send(new UploadPartCommand({ ...upload, ...right }))
    const { Parts } = await store.send(new ListPartsCommand(upload))
    return Parts?.[0]?.ChecksumSHA256 === right.ChecksumSHA256
  })
  if (listed) return 'listed'
  return withUpload(store, { Bucket }, async (upload) => {
    try {
      await store.send(new UploadPartCommand({ ...upload, ...wrong }))
      return 'ignored'
    } catch (error) {
      if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 400) return 'verified'
      throw error
    }
  })
}

type Upload = { Bucket: string; Key: string; UploadId: string; PartNumber: number }

async function withUpload<T>(
  store: S3Client,
  wanted: { Bucket: string; ChecksumAlgorithm?: 'SHA256' },
  use: (upload: Upload) => Promise<T>,
): Promise<T> {
  const { UploadId } = await store.send(new CreateMultipartUploadCommand({ ...wanted, Key }))
  if (!UploadId) throw new Error('the store gave no upload id')
  const upload = { Bucket: wanted.Bucket, Key, UploadId, PartNumber: 1 }
  try {
    return await use(upload)
  } finally {
    await store.send(new AbortMultipartUploadCommand(upload))
  }
}
