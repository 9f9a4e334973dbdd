import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMinio, startStore } from '@millrace/infra'

/** A separate bucket, for tests that look through all of it and must not meet the objects of others. */
export const ownStore = () => own(startStore, {})

/** The same on MinIO, with more settings. */
export const ownMinio = (more: Record<string, string> = {}) => own(startMinio, more)

async function own(start: typeof startStore, more: Record<string, string>) {
  const home = await mkdtemp(join(tmpdir(), 'millrace-bucket-'))
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('S3_'))
  const server = await start({ home, env: { ...Object.fromEntries(others), ...more } })
  return {
    env: server.env,
    async close() {
      await server.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}
