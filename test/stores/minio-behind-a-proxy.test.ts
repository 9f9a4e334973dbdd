import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import { findForged, readConfig } from '@millrace/api'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { ownMinio } from '../support/own-minio.ts'

/** The rules of docs/security.md: what a proxy before MinIO must reject. */
const rules: Record<string, (headers: IncomingHttpHeaders) => boolean> = {
  'unsigned trailers': (headers) =>
    /^STREAMING-UNSIGNED-/i.test(String(headers['x-amz-content-sha256'] ?? '')),
  archives: (headers) => Object.keys(headers).some((name) => name.startsWith('x-amz-meta-snowball-')),
  'replication headers': (headers) => Object.keys(headers).some((name) => name.startsWith('x-minio-')),
}

let minio: Awaited<ReturnType<typeof ownMinio>>
beforeAll(async () => {
  minio = await ownMinio()
})
afterAll(() => minio?.close())

/** A reverse proxy that answers 403 by these rules and passes on everything else, the name of the host too. */
async function proxy(rejects: readonly ((headers: IncomingHttpHeaders) => boolean)[]) {
  const { hostname, port } = new URL(minio.env.S3_ENDPOINT ?? '')
  const server = createServer((near, answer) => {
    if (rejects.some((rejected) => rejected(near.headers))) {
      near.resume().on('end', () => answer.writeHead(403).end())
      return
    }
    const { method, url: path, headers } = near
    const far = request({ hostname, port, method, path, headers }, (from) => {
      answer.writeHead(from.statusCode ?? 502, from.headers)
      from.pipe(answer)
    })
    far.on('error', () => answer.destroy())
    near.pipe(far)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = z.object({ port: z.number() }).parse(server.address())
  return {
    url: `http://127.0.0.1:${address.port}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function accepted(rejects: readonly ((headers: IncomingHttpHeaders) => boolean)[]): Promise<string[]> {
  const before = await proxy(rejects)
  try {
    const env = { ...inject('servers'), ...minio.env, S3_ENDPOINT: before.url }
    const [findings] = await findForged(readConfig(env).objects, 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV')
    expect(findings?.unchecked).toBeNull()
    return findings?.accepted.map(({ request }) => request) ?? []
  } finally {
    before.close()
  }
}

test('behind a proxy that rejects these requests MinIO is safe', async () => {
  expect(await accepted(Object.values(rules))).toEqual([])
})

test.each([
  ['unsigned trailers', 'PUT with an unsigned trailer and the key id of the upload user'],
  ['replication headers', 'presigned PUT with the headers of a replicated, encrypted object'],
])('a proxy that forgets the %s is found out', async (forgotten, request) => {
  const others = Object.entries(rules).filter(([name]) => name !== forgotten)
  expect(await accepted(others.map(([, rejected]) => rejected))).toContain(request)
})

test('the rule for archives is a second line: MinIO unpacks none without an unsigned trailer', async () => {
  const { archives: _, ...others } = rules
  expect(await accepted(Object.values(others))).toEqual([])
})
