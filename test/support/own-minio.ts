import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMinio } from '@millrace/infra'

/** A bucket of one's own: whoever looks through all of it must not meet what other tests put there. */
export async function ownMinio(more: Record<string, string> = {}) {
  const home = await mkdtemp(join(tmpdir(), 'millrace-bucket-'))
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('S3_'))
  const minio = await startMinio({ home, env: { ...Object.fromEntries(others), ...more } })
  return {
    env: minio.env,
    async close() {
      await minio.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}
