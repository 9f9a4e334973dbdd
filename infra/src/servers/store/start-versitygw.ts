import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { findProgram } from '../../find/find-programs.ts'
import { packageSettings } from '../../find/package-settings.ts'
import { privateFolder, readIfThere, writeSecretFile } from '../../home/secret-file.ts'
import { runServer } from '../run-server.ts'
import type { Server, ServerOptions } from '../server.ts'
import { type BucketUser, bucketUsers, type KeyPair, storeKeys, storeSettings } from './bucket-users.ts'
import { type BucketSetup, setUpBucket } from './set-up-bucket.ts'

/** Versitygw over a folder, with a bucket and its three users. */
export async function startVersitygw(options: ServerOptions): Promise<Server> {
  const { home, env = process.env } = options
  const folder = join(home, 'versitygw')
  const bucket = env.S3_BUCKET || 'millrace'
  const keys = await storeKeys(folder)
  const program = await findProgram('versitygw', { ...options, env })
  return runServer(
    {
      name: 'store',
      logName: 'versitygw',
      source: program.source,
      portVariable: 'S3_PORT',
      order: 2,
      command: async (host, port) => {
        const data = join(folder, 'data')
        const sidecar = join(folder, 'sidecar')
        const users = join(folder, 'users')
        for (const one of [data, sidecar]) await privateFolder(one)
        // In a file, because every user can read a command line.
        await writeSecretFile(join(users, 'users.json'), accountsOf(keys))
        return {
          file: program.file,
          // Quiet: no line per request. Sidecar: not every file system has extended attributes.
          parameters: [
            ...['--quiet', '--keep-alive', '--port', `${host}:${port}`, '--health', healthPath],
            ...['--iam-dir', users, 'posix', '--sidecar', sidecar, data],
          ],
          env: {
            ...packageSettings(env),
            ROOT_ACCESS_KEY_ID: keys.root.key,
            ROOT_SECRET_ACCESS_KEY: keys.root.secret,
          },
        }
      },
      probe: checkHealth,
      prepare: (host, port) =>
        setUpOnce(join(folder, 'set-up'), {
          endpoint: `http://${host}:${port}`,
          root: keys.root,
          users: keys,
          bucket,
          origins: (env.CORS_ORIGINS ?? '').split(',').filter(Boolean),
        }),
      env: (host, port) => storeSettings(`http://${host}:${port}`, bucket, keys),
    },
    options,
  )
}

const healthPath = '/health'

/** Does nothing when the same was set up before on the same data: the note is kept next to it. */
async function setUpOnce(note: string, setup: BucketSetup): Promise<void> {
  const { bucket, users, origins } = setup
  const digest = createHash('sha256')
    .update(JSON.stringify([bucket, users, origins]))
    .digest('hex')
  if ((await readIfThere(note)) === digest) return
  await setUpBucket(setup)
  await writeSecretFile(note, digest)
}

/** Versitygw's own form of the accounts' file. None is an administrator: the bucket's policy says what they may do. */
function accountsOf(keys: Record<BucketUser, KeyPair>): string {
  const accounts = bucketUsers.map((user) => {
    const { key, secret } = keys[user]
    return [key, { access: key, secret, role: 'user' }]
  })
  return JSON.stringify({ accessAccounts: Object.fromEntries(accounts) })
}

async function checkHealth(host: string, port: number, signal: AbortSignal): Promise<void> {
  const response = await fetch(`http://${host}:${port}${healthPath}`, { signal })
  if (!response.ok || response.headers.get('server') !== 'VERSITYGW') {
    throw new Error(`no versitygw answers on ${host}:${port}`)
  }
}
