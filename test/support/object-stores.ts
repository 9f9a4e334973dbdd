import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Objects, openObjects, readConfig } from '@millrace/api'
import { plainReport, startMinio } from '@millrace/infra'
import { Client, S3Error } from 'minio'
import { inject } from 'vitest'
import { z } from 'zod'
import { startSeaweedfs } from '../../infra/fixtures/store/start-seaweedfs.ts'
import {
  type Abilities,
  abilities,
  type StoreName,
  testedStores,
} from '../../infra/fixtures/store/tested-stores.ts'

type Running = { env: Record<string, string>; stop(): Promise<void> }
type Start = () => Promise<Running>

const starts: Record<StoreName, Start> = {
  versitygw: async () => ({ env: inject('servers'), stop: async () => undefined }),
  MinIO: () => own(startMinio),
  SeaweedFS: () => own(startSeaweedfs),
}

type Tested = readonly [name: StoreName, start: Start, can: Abilities]

/** The stores that the tests of the store run on, and where each differs from the others. */
export const objectStores: readonly Tested[] = testedStores().map((name) => [
  name,
  starts[name],
  abilities[name],
])

/** A store for one test file, for the same pages as the store of all tests. */
async function own(start: typeof startMinio): Promise<Running> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-store-'))
  const server = await start({
    home,
    env: { ...process.env, S3_BUCKET: undefined, CORS_ORIGINS: 'http://127.0.0.1:*,https://shop.example' },
    report: plainReport(process.stderr),
  })
  return {
    env: server.env,
    async stop() {
      await server.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** What another client than ours finds under a key; `more`: headers that came with it. */
type Seen = { size: number; type: string; text: string; more: Record<string, string> }
export type User = 'manage' | 'upload' | 'download'

export type OpenStore = {
  objects: Objects
  bucket: string
  endpoint: string
  /** Another client than ours, as one of the three users. */
  as(user: User): Client
  /** By that other client; `null`: no object. */
  see(key: string): Promise<Seen | null>
  close(): Promise<void>
}

/** Our objects over a store, and a client by others that sees what they did. */
export async function openStore(start: Start): Promise<OpenStore> {
  const { env, stop } = await start()
  const { objects: config } = readConfig({ ...inject('servers'), ...env })
  const objects = openObjects(config)
  const { hostname, port, protocol } = new URL(config.endpoint)
  const where = {
    endPoint: hostname,
    port: Number(port),
    useSSL: protocol === 'https:',
    region: config.region,
  }
  const as = (user: User) =>
    new Client({ ...where, accessKey: config[user].key, secretKey: config[user].secret })
  const manage = as('manage')
  const { bucket, endpoint } = config
  return {
    objects,
    bucket,
    endpoint,
    as,
    see: (key) => seen(manage, bucket, key),
    async close() {
      objects.close()
      await stop()
    },
  }
}

/** An existing file. */
export async function written(store: OpenStore, text = 'hello'): Promise<string> {
  const key = freshKey()
  await store.objects.write(key, text, 'text/plain')
  return key
}

/** A key that no other test has. */
export const freshKey = (): string => `incoming/${randomUUID()}/1`

async function seen(client: Client, bucket: string, key: string): Promise<Seen | null> {
  try {
    const { size, metaData } = await client.statObject(bucket, key)
    const { 'content-type': type, ...more } = Headers.parse(metaData)
    // The first is what `fetch` adds to If-None-Match, the second every object's.
    for (const usual of ['cache-control', 'x-amz-storage-class']) delete more[usual]
    return { size, type: type ?? '', more, text: await text(await client.getObject(bucket, key)) }
  } catch (error) {
    if (error instanceof S3Error && (error.code === 'NotFound' || error.code === 'NoSuchKey')) return null
    throw error
  }
}

const Headers = z.record(z.string(), z.string())
