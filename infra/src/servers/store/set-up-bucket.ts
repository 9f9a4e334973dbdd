import type { S3Client } from '@aws-sdk/client-s3'
import { type BucketUser, bucketUsers, type KeyPair, policyFor } from './bucket-users.ts'

export type BucketSetup = {
  endpoint: string
  root: KeyPair
  bucket: string
  users: Record<BucketUser, Pick<KeyPair, 'key'>>
  /** What the store calls a user in policies; default: the id of its key, as versitygw does. */
  principalOf?: (user: BucketUser) => string
  /** Whose pages may use the store. */
  origins: string[]
}

/**
 * The bucket, what its users may do there, and whose pages may use it, through the S3 API alone: for stores whose
 * users have no separate policies. The store keeps all of it, so repeating it is harmless.
 */
export async function setUpBucket(setup: BucketSetup): Promise<void> {
  // Loaded late: a start on a bucket that is set up does without it.
  const { S3Client, CreateBucketCommand, PutBucketPolicyCommand } = await import('@aws-sdk/client-s3')
  const { bucket: Bucket, root } = setup
  const client = new S3Client({
    endpoint: setup.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: root.key, secretAccessKey: root.secret },
    maxAttempts: 10, // the store may still be starting
  })
  try {
    await ignoring('BucketAlreadyOwnedByYou', client.send(new CreateBucketCommand({ Bucket })))
    await client.send(new PutBucketPolicyCommand({ Bucket, Policy: await bucketPolicy(setup) }))
    if (setup.origins.length > 0) await allowPages(client, setup)
  } finally {
    client.destroy()
  }
}

/** The requirements for a store in docs/deployment.md. */
async function allowPages(client: S3Client, { bucket, origins }: BucketSetup): Promise<void> {
  const { PutBucketCorsCommand } = await import('@aws-sdk/client-s3')
  await client.send(
    new PutBucketCorsCommand({
      Bucket: bucket,
      CORSConfiguration: {
        CORSRules: [
          {
            AllowedOrigins: origins,
            AllowedMethods: ['PUT', 'GET', 'HEAD'],
            AllowedHeaders: ['content-type', 'if-none-match', 'x-amz-checksum-sha256'],
            ExposeHeaders: ['ETag'],
          },
        ],
      },
    }),
  )
}

/** The policies of the users as one policy of the bucket, each statement for its user. */
async function bucketPolicy({ bucket, users, principalOf }: BucketSetup): Promise<string> {
  const statements = bucketUsers.map(async (user) => {
    const { Statement }: { Statement: object[] } = JSON.parse(await policyFor(user, bucket))
    const principal = principalOf?.(user) ?? users[user].key
    return Statement.map((statement) => ({ ...statement, Principal: { AWS: [principal] } }))
  })
  return JSON.stringify({ Version: '2012-10-17', Statement: (await Promise.all(statements)).flat() })
}

async function ignoring(name: string, sent: Promise<unknown>): Promise<void> {
  try {
    await sent
  } catch (error) {
    if (!(error instanceof Error) || error.name !== name) throw error
  }
}
