import type { DataId } from '@millrace/shared'
import { sendCutBody } from './cut-bodies.ts'
import { forgedPart, forgeries } from './forgeries.ts'
import {
  type Accepted,
  answered,
  closeProbe,
  isSuccess,
  openProbe,
  type Probe,
  reasonOf,
  send,
  statusOf,
} from './forgery-probe.ts'
import { incomingKey } from './keys.ts'
import type { ObjectsConfig } from './objects.ts'
import { sendReplicationHeaders, sendUnsignedHeaders } from './unsigned-headers.ts'

/** `unchecked`: why the store could not be checked at this endpoint. */
export type Findings = { endpoint: string; accepted: Accepted[]; unchecked: string | null }

/**
 * Sends requests that the store must reject, and reports those that it accepted: it answered 2xx, or the object
 * changed. The `manage` user reads the bytes back, so that a store cannot pass by its status alone. Throws when the
 * store cannot be reached; a public endpoint that this process cannot reach is reported as `unchecked`.
 *
 * All objects but one have keys of `item`, an id that no data item has, and are removed at the end; after a crash the
 * janitor removes them, and the next check that one.
 */
export async function findForged(config: ObjectsConfig, item: DataId): Promise<Findings[]> {
  const findings: Findings[] = []
  for (const endpoint of new Set([config.endpoint, config.publicEndpoint]))
    findings.push(await checkEndpoint({ ...config, publicEndpoint: endpoint }, item))
  return findings
}

async function checkEndpoint(config: ObjectsConfig, item: DataId): Promise<Findings> {
  const endpoint = config.publicEndpoint
  const probe = await openProbe(config, item)
  try {
    await probe.store.write(probe.key, probe.genuine, 'text/plain')
    const unchecked = await whyUnusable(probe)
    if (unchecked && endpoint === config.endpoint) throw new Error(unchecked)
    if (unchecked) return { endpoint, accepted: [], unchecked }
    const accepted = [
      ...(await sendForgeries(probe)),
      ...(await sendForgedPart(probe)),
      ...(await sendUnsignedHeaders(probe)),
      ...(await sendReplicationHeaders(probe)),
      ...(await sendCutBody(probe)),
    ]
    return { endpoint, accepted, unchecked: null }
  } finally {
    await closeProbe(probe)
  }
}

/** A genuine upload must work: where it fails, a rejected forgery proves nothing. */
async function whyUnusable({ store, item, genuine }: Probe): Promise<string | null> {
  const key = incomingKey(item, 2)
  const put = await store.presignPut(key, { size: genuine.length, contentType: 'text/plain' })
  try {
    const status = await send(put.url, { method: 'PUT', headers: put.headers, body: genuine })
    if (!isSuccess(status)) return `a presigned upload was answered with ${status}`
  } catch (error) {
    return `a presigned upload failed: ${reasonOf(error)}`
  }
  return (await store.read(key)) === genuine ? null : 'a presigned upload did not reach the bucket'
}

async function sendForgeries(probe: Probe): Promise<Accepted[]> {
  const { store, key, genuine } = probe
  const accepted: Accepted[] = []
  for (const { request, url, init } of forgeries(probe)) {
    const status = await statusOf(url, init)
    const hasChanged = (await store.read(key)) !== genuine
    if (!isSuccess(status) && !hasChanged) continue
    accepted.push({ request, evidence: `${answered(status)}${hasChanged ? '; the object was changed' : ''}` })
    if (hasChanged) await store.write(key, genuine, 'text/plain')
  }
  return accepted
}

async function sendForgedPart(probe: Probe): Promise<Accepted[]> {
  const { multipart } = probe.store
  const key = incomingKey(probe.item, 3)
  const uploadId = await multipart.begin(key, { contentType: 'text/plain', checksums: false })
  try {
    const { request, url, init } = forgedPart({ ...probe, key }, uploadId)
    const status = await statusOf(url, init)
    const isThere = ((await multipart.list(key, uploadId)) ?? []).length > 0
    if (!isSuccess(status) && !isThere) return []
    return [{ request, evidence: `${answered(status)}${isThere ? '; the part was stored' : ''}` }]
  } finally {
    await multipart.abort(key, uploadId)
  }
}
