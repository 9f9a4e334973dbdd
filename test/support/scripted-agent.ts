import { createHash, randomUUID } from 'node:crypto'
import {
  type ClaimAnswer,
  type FinishAnswer,
  type FinishRequest,
  type Grant,
  type HeartbeatAnswer,
  type InventoryModule,
  type OutputFile,
  OutputsAnswer,
  RegisterAnswer,
} from '@millrace/shared'
import type { TestApi } from './api-in-process.ts'

/** An agent whose every message a test sends by hand. */
export async function scriptedAgent(
  api: TestApi,
  options: { key?: string; agentId?: RegisterAnswer['agentId'] } = {},
) {
  const key = options.key ?? (await api.client.createKey({ name: 'agent', scopes: ['agent'] })).secret
  const instanceId = randomUUID()
  const call = (path: string, body: unknown, method = 'POST') =>
    api.request(`/agent/v1/${path}`, { method, key, body: JSON.stringify(body) })
  const answered = async <T>(response: Promise<Response>): Promise<T> => {
    const got = await response
    if (got.status >= 300) throw new Error(`${got.status} ${await got.text()}`)
    return got.json()
  }
  const register = async (more: object = {}) =>
    RegisterAnswer.parse(
      await answered(
        call('register', {
          agentId: options.agentId,
          name: 'scripted',
          instanceId,
          heldRuns: [],
          platform: { os: 'linux', arch: 'x64', cpus: 2, memoryBytes: 1 },
          version: '0',
          labels: [],
          gpus: [],
          ...more,
        }),
      ),
    )
  let session = await register()
  return {
    key,
    instanceId,
    call,
    get agentId() {
      return session.agentId
    },
    get sessionId() {
      return session.sessionId
    },
    async registerAgain(more: object = {}) {
      session = await register({ agentId: session.agentId, ...more })
      return session
    },
    async has(modules: InventoryModule[]) {
      await answered(call('modules', { sessionId: session.sessionId, modules }, 'PUT'))
    },
    heartbeat: (runs: string[], more: object = {}) =>
      answered<HeartbeatAnswer>(
        call('heartbeat', { sessionId: session.sessionId, runs: runs.map((runId) => ({ runId })), ...more }),
      ),
    async claim(modules: InventoryModule[], claimId: string = randomUUID(), max = 1): Promise<Grant | null> {
      const offers = modules.map(({ name, version, digest }) => ({
        module: name,
        version,
        digest,
        max,
        warm: 0,
      }))
      const response = await call('claim', { sessionId: session.sessionId, claimId, offers })
      if (response.status === 204) return null
      return (await answered<ClaimAnswer>(Promise.resolve(response))).grant
    },
    finish: (run: string, report: Omit<FinishRequest, 'sessionId'>) =>
      answered<FinishAnswer>(call(`runs/${run}/finish`, { sessionId: session.sessionId, ...report })),
    /** Uploads a file of a run as an agent does, and returns how to report it. */
    async upload(
      run: string,
      output: string,
      name: string,
      contentType: string,
      bytes: Uint8Array<ArrayBuffer>,
      n = 0,
    ): Promise<OutputFile> {
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      const file = { output, n, name, size: bytes.byteLength, sha256, contentType }
      const { uploads } = OutputsAnswer.parse(
        await answered(call(`runs/${run}/outputs`, { sessionId: session.sessionId, files: [file] })),
      )
      const [upload] = uploads
      if (!upload) throw new Error('no upload URL')
      const put = await fetch(upload.url, { method: 'PUT', headers: upload.headers, body: bytes })
      if (!put.ok) throw new Error(`PUT answered ${put.status}`)
      return file
    },
  }
}

export type ScriptedAgent = Awaited<ReturnType<typeof scriptedAgent>>

/** A module as an agent reports it when it can be used. */
export function availableModule(
  manifest: { name: string; version?: string } & Record<string, unknown>,
): InventoryModule {
  return {
    name: manifest.name,
    version: manifest.version ?? '1.0.0',
    digest: createHash('sha256').update(JSON.stringify(manifest)).digest('hex'),
    status: 'AVAILABLE',
    manifest: JSON.parse(JSON.stringify({ version: '1.0.0', ...manifest })),
    path: `/modules/${manifest.name}`,
    pythonExec: '/usr/bin/python3',
    error: null,
    healthCheck: { lastTested: new Date().toISOString(), passed: true },
  }
}

export const echo = availableModule({
  name: 'echo',
  inputs: [
    { key: 'text', type: 'text', required: false },
    { key: 'file', type: 'file', format: ['txt', 'png'], required: false },
    { key: 'count', type: 'number', integer: true, min: 1, max: 10, required: false },
  ],
  outputs: [
    { key: 'said', type: 'text' },
    { key: 'copy', type: 'file', required: false },
  ],
})
