import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutBucketCorsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { observe } from '../../../fixtures/store/capability.ts'
import { startSeaweedfs } from '../../../fixtures/store/start-seaweedfs.ts'
import { abilities, type StoreName, testedStores } from '../../../fixtures/store/tested-stores.ts'
import type { Server } from '../server.ts'
import { startMinio } from './start-minio.ts'
import { startVersitygw } from './start-versitygw.ts'

const Bucket = 'millrace'
const other = 'of-another-owner'
vi.setConfig({ testTimeout: 20_000, hookTimeout: 300_000 })

const starters: Record<StoreName, typeof startMinio> = {
  versitygw: startVersitygw,
  MinIO: startMinio,
  SeaweedFS: startSeaweedfs,
}

describe.each(testedStores())('%s', (name) => {
  const can = abilities[name]
  let home: string
  let store: Server
  let root: S3Client
  let upload: S3Client
  let download: S3Client
  let manage: S3Client

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'millrace-users-'))
    store = await starters[name]({ home })
    upload = clientOf(store, 'UPLOAD')
    download = clientOf(store, 'DOWNLOAD')
    manage = clientOf(store, 'MANAGE')
    root = await rootOf(join(home, name.toLowerCase()), store)
    await makeAnotherBucket(root)
    for (const Key of ['incoming/there', 'runs/there', 'elsewhere/there']) await put(manage, Key)
  })

  afterAll(async () => {
    for (const one of [upload, download, manage, root]) one?.destroy()
    await store?.stop()
    await rm(home, { recursive: true, force: true })
  })

  describe('the upload user', () => {
    beforeEach(() => observe(name, 'three users with least power', true))
    it.each(['incoming/a', 'incoming/deep/er', 'runs/tsk_1/1/out/0'])('may put %s', async (Key) => {
      expect(await status(put(upload, Key))).toBe(200)
    })
    it.each(['a', 'incoming', 'runs', 'logs/a', 'archive/incoming/a', 'incomingx/a'])(
      'may not put %s',
      async (Key) => {
        expect(await status(put(upload, Key))).toBe(403)
      },
    )
    it('may not copy, even within its prefixes: it cannot read', async () => {
      const copy = { Bucket, Key: 'incoming/copy', CopySource: `${Bucket}/incoming/there` }
      expect(await status(upload.send(new CopyObjectCommand(copy)))).toBe(403)
    })
    it.each([
      ['get', () => upload.send(new GetObjectCommand({ Bucket, Key: 'incoming/there' }))],
      ['head', () => upload.send(new HeadObjectCommand({ Bucket, Key: 'incoming/there' }))],
      ['delete', () => upload.send(new DeleteObjectCommand({ Bucket, Key: 'incoming/there' }))],
      ['list', () => upload.send(new ListObjectsV2Command({ Bucket }))],
      ['head the bucket', () => upload.send(new HeadBucketCommand({ Bucket }))],
      ['list uploads', () => upload.send(new ListMultipartUploadsCommand({ Bucket }))],
    ])('may not %s', async (_, act) => {
      expect(await status(act())).toBe(403)
    })
  })

  describe('the download user', () => {
    beforeEach(() => observe(name, 'three users with least power', true))
    it.each(['incoming/there', 'runs/there', 'elsewhere/there'])('may get %s', async (Key) => {
      expect(await status(download.send(new GetObjectCommand({ Bucket, Key })))).toBe(200)
    })
    it.each([
      ['put', () => put(download, 'incoming/a')],
      ['put to runs', () => put(download, 'runs/a')],
      ['delete', () => download.send(new DeleteObjectCommand({ Bucket, Key: 'incoming/there' }))],
      ['list', () => download.send(new ListObjectsV2Command({ Bucket }))],
      [
        'start a multipart upload',
        () => download.send(new CreateMultipartUploadCommand({ Bucket, Key: 'incoming/m' })),
      ],
      [
        'read another bucket',
        () => download.send(new GetObjectCommand({ Bucket: other, Key: 'incoming/there' })),
      ],
    ])('may not %s', async (_, act) => {
      expect(await status(act())).toBe(403)
    })
  })

  describe('the manage user', () => {
    beforeEach(() => observe(name, 'three users with least power', true))
    it('puts, heads, gets, copies, lists and deletes', async () => {
      expect(await status(put(manage, 'any/where'))).toBe(200)
      expect(await status(manage.send(new HeadObjectCommand({ Bucket, Key: 'any/where' })))).toBe(200)
      expect(
        await status(
          manage.send(new CopyObjectCommand({ Bucket, Key: 'any/copy', CopySource: `${Bucket}/any/where` })),
        ),
      ).toBe(200)
      const listed = await manage.send(new ListObjectsV2Command({ Bucket, Prefix: 'any/' }))
      expect(listed.Contents?.map(({ Key }) => Key)).toEqual(['any/copy', 'any/where'])
      const Objects = [{ Key: 'any/copy' }, { Key: 'any/where' }]
      expect(await status(manage.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } })))).toBe(200)
      expect((await manage.send(new ListObjectsV2Command({ Bucket, Prefix: 'any/' }))).KeyCount).toBe(0)
      expect(await status(manage.send(new HeadBucketCommand({ Bucket })))).toBe(200)
    })

    it('takes a multipart upload to its end, and aborts one', async () => {
      const Key = 'incoming/parts'
      const { UploadId } = await manage.send(new CreateMultipartUploadCommand({ Bucket, Key }))
      const { ETag } = await manage.send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'part' }),
      )
      const MultipartUpload = { Parts: [{ ETag, PartNumber: 1 }] }
      expect(
        await status(
          manage.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload })),
        ),
      ).toBe(200)
      const aborted = await manage.send(new CreateMultipartUploadCommand({ Bucket, Key }))
      expect(
        await status(
          manage.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId: aborted.UploadId })),
        ),
      ).toBe(204)
    })

    it.each([
      ['make a bucket', () => manage.send(new CreateBucketCommand({ Bucket: 'third' }))],
      ['remove the bucket', () => manage.send(new DeleteBucketCommand({ Bucket }))],
      ['read the bucket policy', () => manage.send(new GetBucketPolicyCommand({ Bucket }))],
      [
        'open the bucket to everybody',
        () => manage.send(new PutBucketPolicyCommand({ Bucket, Policy: '{}' })),
      ],
      [
        'put into another bucket',
        () => manage.send(new PutObjectCommand({ Bucket: other, Key: 'incoming/there', Body: 'a' })),
      ],
    ])('may not %s', async (_, act) => {
      expect(await status(act())).toBe(403)
    })

    it('sees no other bucket; versitygw names only those of an owner, so none', async () => {
      const { Buckets } = await manage.send(new ListBucketsCommand({}))
      expect([[], [Bucket]]).toContainEqual(Buckets?.map(({ Name }) => Name))
    })
  })

  it('a caller without a key cannot read, write or list', async () => {
    const url = `${store.env.S3_ENDPOINT}/${Bucket}`
    const answers = await Promise.all([
      fetch(`${url}/incoming/there`),
      fetch(`${url}/incoming/new`, { method: 'PUT', body: 'x' }),
      fetch(url),
      fetch(`${url}/incoming/there`, { method: 'DELETE' }),
    ])
    expect(answers.map((answer) => answer.status)).toEqual([403, 403, 403, 403])
  })

  it('pages of the web may not use it unless they were named, for each bucket or for the server', async () => {
    observe(name, 'CORS rules per bucket', can.hasCorsPerBucket)
    const origin = 'https://shop.example'
    const allows = async (bucket: string) => {
      const answer = await fetch(`${store.env.S3_ENDPOINT}/${bucket}/incoming/there`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'GET' },
      })
      return answer.headers.get('access-control-allow-origin') === origin
    }
    expect([await allows(Bucket), await allows(other)]).toEqual([false, false])
    const CORSRules = [{ AllowedOrigins: [origin], AllowedMethods: ['GET'] }]
    const set = status(
      root.send(new PutBucketCorsCommand({ Bucket: other, CORSConfiguration: { CORSRules } })),
    )
    expect(await set).toBe(can.hasCorsPerBucket ? 200 : 501)
    expect([await allows(Bucket), await allows(other)]).toEqual([false, can.hasCorsPerBucket])
  })
})

/** The user who set it up, whose secret lies in the home. */
async function rootOf(folder: string, { env }: Server): Promise<S3Client> {
  const keys = JSON.parse(await readFile(join(folder, 'keys.json'), 'utf8'))
  return clientFor(env.S3_ENDPOINT, keys.root.key, keys.root.secret)
}

async function makeAnotherBucket(root: S3Client): Promise<void> {
  await root.send(new CreateBucketCommand({ Bucket: other }))
  await root.send(new PutObjectCommand({ Bucket: other, Key: 'incoming/there', Body: 'x' }))
}

const put = (by: S3Client, Key: string) => by.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }))

async function status(
  sent: Promise<{ $metadata: { httpStatusCode?: number } }>,
): Promise<number | undefined> {
  try {
    return (await sent).$metadata.httpStatusCode
  } catch (error) {
    if (error instanceof S3ServiceException) return error.$metadata.httpStatusCode
    throw error
  }
}

function clientOf({ env }: Server, user: 'UPLOAD' | 'DOWNLOAD' | 'MANAGE'): S3Client {
  const { [`S3_${user}_KEY`]: key = '', [`S3_${user}_SECRET`]: secret = '' } = env
  return clientFor(env.S3_ENDPOINT, key, secret)
}

const clientFor = (endpoint: string | undefined, accessKeyId: string, secretAccessKey: string) =>
  new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
