import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStore } from '@millrace/infra'

/** A separate bucket, for tests that look through all of it and must not meet the objects of others. */
export async function ownStore() {
  const home = await mkdtemp(join(tmpdir(), 'millrace-bucket-'))
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('S3_'))
  const server = await startStore({ home, env: Object.fromEntries(others) })
  return {
    env: server.env,
    async close() {
      await server.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}
