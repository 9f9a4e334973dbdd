import {
  BucketAlreadyExists,
  BucketAlreadyOwnedByYou,
  CreateBucketCommand,
  PutBucketCorsCommand,
  PutBucketPolicyCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { type BucketUser, policyFor, threeUsers } from '../servers/three-users.ts'

export type BucketSetup = {
  endpoint: string
  root: { key: string; secret: string }
  users: Record<BucketUser, { key: string }>
  bucket: string
  /** Pages that may use the store. */
  origins: string[]
}

/** Creates the bucket, its policy for the three users, and its CORS rules. Safe to repeat. The store must support bucket policies. */
export async function setUpBucket({ endpoint, root, users, bucket, origins }: BucketSetup): Promise<void> {
  const store = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: root.key, secretAccessKey: root.secret },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The store may still be starting.
    maxAttempts: 10,
  })
  try {
    await createBucket(store, bucket)
    const Policy = await bucketPolicy(users, bucket)
    await store.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }))
    if (!origins.length) return
    const CORSRules = [{ AllowedOrigins: origins, AllowedMethods, AllowedHeaders }]
    await store.send(new PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration: { CORSRules } }))
  } finally {
    store.destroy()
  }
}

/** As docs/deployment.md requires. */
const AllowedMethods = ['PUT', 'GET', 'HEAD']
const AllowedHeaders = ['content-type', 'if-none-match', 'x-amz-checksum-sha256']

async function createBucket(store: S3Client, bucket: string): Promise<void> {
  try {
    await store.send(new CreateBucketCommand({ Bucket: bucket }))
  } catch (error) {
    if (error instanceof BucketAlreadyOwnedByYou || error instanceof BucketAlreadyExists) return
    throw error
  }
}

/** versitygw has no user policies, so the users' statements go into the bucket's policy, each with its user as principal. */
async function bucketPolicy(users: BucketSetup['users'], bucket: string): Promise<string> {
  const statements = threeUsers.map(async (user) => {
    const { Statement }: { Statement: object[] } = JSON.parse(await policyFor(user, bucket))
    return Statement.map((statement) => ({ ...statement, Principal: { AWS: [users[user].key] } }))
  })
  return JSON.stringify({ Version: '2012-10-17', Statement: (await Promise.all(statements)).flat() })
}
