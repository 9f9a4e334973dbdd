import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServers } from '@millrace/infra'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    servers: Record<string, string>
  }
}

/** One MongoDB, NATS and MinIO for all test files; each file has a database of its own in it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-test-'))
  const servers = await startServers({
    home,
    env: { ...process.env, CORS_ORIGINS: 'http://127.0.0.1:*' }, // pages that tests serve, for the store
    report: (line) => process.stderr.write(`${line}\n`),
  })
  project.provide('servers', servers.env)
  return async () => {
    await servers.stop()
    await rm(home, { recursive: true, force: true })
  }
}
