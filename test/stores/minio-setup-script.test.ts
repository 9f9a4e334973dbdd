import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { startMinio } from '@millrace/infra'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { findProgram } from '../../infra/src/find/find-programs.ts'
import { makeComposeEnv } from '../../infra/src/supervise/compose-env.ts'
import { parseEnvLines } from '../../infra/src/supervise/environments.ts'
import { freshKey, openStore } from '../support/object-stores.ts'
import { bytesOf, put } from '../support/upload-by-hand.ts'

const minioFiles = resolve(import.meta.dirname, '../../infra/minio')
const Keys = z.object({ root: z.object({ key: z.string(), secret: z.string() }) })

/** As compose.yaml's service minio-setup, with mc and a shell as the only programs. */
test('minio-setup creates the bucket and the three users of compose.env, and can run again', async () => {
  const home = await mkdtemp(join(tmpdir(), 'millrace-minio-'))
  const minio = await startMinio({ home, env: { ...process.env, S3_BUCKET: undefined } })
  try {
    const { host } = new URL(minio.env.S3_ENDPOINT ?? '')
    const { root } = Keys.parse(JSON.parse(await readFile(join(home, 'minio/keys.json'), 'utf8')))
    const file = await makeComposeEnv(join(home, 'compose.env'), { COMPOSE_PROFILES: 'minio' })
    const env = { ...parseEnvLines(await readFile(file, 'utf8')), S3_BUCKET: 'by-script' }
    const mc = await findProgram('mc', { env: process.env, report: () => undefined })
    const setUp = () =>
      promisify(execFile)('/bin/sh', [join(minioFiles, 'setup.sh')], {
        env: {
          ...env,
          HOME: home,
          PATH: dirname(mc.file),
          MC_CONFIG_DIR: join(home, 'mc'),
          MC_HOST_root: `http://${root.key}:${root.secret}@${host}`,
          SCRATCH_DIR: home,
          POLICIES_DIR: join(minioFiles, 'policies'),
        },
      })
    await setUp()
    await setUp()

    const store = await openStore(async () => ({
      env: { ...env, S3_ENDPOINT: `http://${host}` },
      stop: async () => undefined,
    }))
    const key = freshKey()
    const upload = await store.objects.presignPut(key, { size: 5, contentType: 'text/plain' })
    expect(await put(upload, bytesOf('hello'))).toBe(200)
    const { url } = await store.objects.presignGet(key, {})
    expect(await (await fetch(url)).text()).toBe('hello')
    expect(await store.see(key)).toMatchObject({ text: 'hello' })
    const denied = { code: 'AccessDenied' }
    await expect(store.as('upload').putObject('by-script', 'elsewhere', 'a')).rejects.toMatchObject(denied)
    await expect(store.as('upload').getObject('by-script', key)).rejects.toMatchObject(denied)
    await expect(store.as('download').putObject('by-script', key, 'a')).rejects.toMatchObject(denied)
    await expect(store.as('manage').putObject('millrace', key, 'a')).rejects.toMatchObject(denied)
    await store.close()
  } finally {
    await minio.stop()
    await rm(home, { recursive: true, force: true })
  }
})
