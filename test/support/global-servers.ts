import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPorts, readConfig } from '@millrace/api'
import { plainReport, startServers } from '@millrace/infra'
import { pino } from 'pino'
import type { TestProject } from 'vitest/node'
import { startReplicaSet } from './replica-set.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    servers: Record<string, string>
  }
}

/** One MongoDB, NATS and object store for all test files; each file has a separate database. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-test-'))
  const servers = await startServers({
    home,
    env: { ...process.env, CORS_ORIGINS: 'http://127.0.0.1:*' }, // pages that tests serve, for the store
    report: plainReport(process.stderr),
  })
  // `npm run test:replica-set`: the same tests on three members.
  const set = process.env.MILLRACE_TEST_REPLICA_SET ? await startReplicaSet() : undefined
  const env = { ...servers.env, ...(set && { MONGODB_URL: set.url }) }
  await keepJanitorsAway(env)
  project.provide('servers', env)
  return async () => {
    await set?.close()
    await servers.stop()
    await rm(home, { recursive: true, force: true })
  }
}

/** Many databases share the bucket: to the janitor of each, the objects of all the others were garbage. */
async function keepJanitorsAway(env: Record<string, string>): Promise<void> {
  const { objects, store, bus } = openPorts(readConfig(env), pino({ level: 'silent' }))
  await objects.write('millrace-installation', 'many tests', 'text/plain')
  objects.close()
  await store.close()
  await bus.close()
}
