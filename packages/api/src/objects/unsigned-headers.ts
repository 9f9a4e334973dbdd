import { type Accepted, answered, isSuccess, type Probe, send, statusOf } from './forgery-probe.ts'
import { incomingKey } from './keys.ts'
import type { Objects } from './objects.ts'

type Extra = { request: string; headers: Record<string, string>; text: string }

const text = 'hello'
const secret = 'a secret'
const publicRead = { 'x-amz-acl': 'public-read' }
const redirect = { 'x-amz-website-redirect-location': 'http://127.0.0.1:1/' }
const tagsAndMetadata = { 'x-amz-tagging': 'forged=yes', 'x-amz-meta-forged': 'yes' }

/**
 * A page or an agent that holds an upload URL can add headers to the request. S3 answers 403 to every unsigned
 * `x-amz-…` header; other stores accept some of them. That is dangerous only if it changes something that the API
 * relies on: the bytes, the size, the type, whether the object can be read, and by whom. Tags and `x-amz-meta-…` are
 * not, because the API keeps its own metadata in the database and never reads those: storing or dropping them is fine.
 */
const unsignedHeaders = (copySource: string): Extra[] => [
  { request: 'the source of a copy', headers: { 'x-amz-copy-source': copySource }, text },
  // A real copy has no body.
  { request: 'the source of a copy and no body', headers: { 'x-amz-copy-source': copySource }, text: '' },
  { request: 'permission for everyone to read', headers: publicRead, text },
  { request: 'a redirect', headers: redirect, text },
  { request: 'tags and metadata', headers: tagsAndMetadata, text },
]

/**
 * CVE-2026-34204: MinIO accepts the headers by which replication describes an encrypted object from any uploader. The
 * object cannot be read afterwards, and listing its prefix fails until it is removed.
 */
const replicationHeaders: Extra = {
  request: 'the headers of a replicated, encrypted object',
  headers: {
    'x-minio-source-replication-request': 'true',
    'x-minio-replication-server-side-encryption-sealed-key': 'forged',
    'x-minio-replication-server-side-encryption-seal-algorithm': 'DAREv2-HMAC-SHA256',
    'x-minio-replication-server-side-encryption-iv': 'forged',
  },
  text,
}

/** Uploads by URLs of the `upload` user, which may not read: a copy would show it any object. */
export async function sendUnsignedHeaders(probe: Probe): Promise<Accepted[]> {
  const { store, item, bucket } = probe
  const source = incomingKey(item, 4)
  await store.write(source, secret, 'text/plain')
  const accepted: Accepted[] = []
  for (const [at, extra] of unsignedHeaders(`${bucket}/${source}`).entries())
    accepted.push(...(await sendExtra(probe, store, incomingKey(item, 5 + at), extra)))
  return accepted
}

/** Outside the prefixes that the janitor lists, and removed at once. */
export async function sendReplicationHeaders(probe: Probe): Promise<Accepted[]> {
  const { store, manager, unlistedKey } = probe
  try {
    return await sendExtra(probe, manager, unlistedKey, replicationHeaders)
  } finally {
    await store.remove(unlistedKey)
  }
}

async function sendExtra(
  probe: Probe,
  signer: Objects,
  key: string,
  { request, headers, text }: Extra,
): Promise<Accepted[]> {
  const put = await signer.presignPut(key, { size: text.length, contentType: 'text/plain' })
  const init = { method: 'PUT', headers: { ...put.headers, ...headers }, body: text }
  const status = await statusOf(put.url, init)
  const fault = await faultOf(probe, key, text, isSuccess(status))
  return fault
    ? [{ request: `presigned PUT with ${request}`, evidence: `${answered(status)}; ${fault}` }]
    : []
}

/** How the object differs from what its uploader sent and was allowed to send. */
async function faultOf(
  probe: Probe,
  key: string,
  text: string,
  wasAccepted: boolean,
): Promise<string | null> {
  const { store, bucketUrl } = probe
  let found: string | null
  try {
    found = await store.read(key)
  } catch (error) {
    await store.read(probe.key) // throws too when the store is the reason
    return `the object cannot be read (${error instanceof Error ? error.name : String(error)})`
  }
  if (found === null) return wasAccepted ? 'the object is missing' : null
  if (found === secret) return 'the object holds the bytes of another one'
  if (found !== text) return 'the object holds other bytes'
  const head = await store.head(key)
  if (head?.contentType !== 'text/plain' || head.size !== text.length)
    return 'the object has another type or size'
  const status = await send((await store.presignGet(key, {})).url)
  if (status !== 200) return `a presigned download was answered with ${status}`
  return isSuccess(await statusOf(`${bucketUrl}/${key}`)) ? 'everyone can read the object' : null
}
