import { join } from 'node:path'
import { findPrograms } from '../find/find-programs.ts'
import { packageSettings } from '../find/package-settings.ts'
import { keptCredentials, privateFolder, writeSecretFile } from '../home/secret-file.ts'
import { runServer } from './run-server.ts'
import type { Server, ServerOptions } from './server.ts'
import { type BucketUser, storeSettings, threeUsers } from './three-users.ts'
import { setUpVersitygw } from './versitygw-setup.ts'

/** An object store by others than MinIO's, with the same bucket and users: tests hold what is written for one against both. */
export async function startVersitygw(options: ServerOptions): Promise<Server<'versitygw'>> {
  const { home, cache, env = process.env, report = () => undefined } = options
  const folder = join(home, 'versitygw')
  const bucket = env.S3_BUCKET || 'millrace'
  const secrets = await keptCredentials(join(folder, 'credentials.json'), ['root', ...threeUsers])
  const [versitygw, mc] = await findPrograms(['versitygw', 'mc'], { env, cache, report })
  if (!versitygw || !mc) throw new Error('versitygw was neither found nor built')
  return runServer(
    {
      name: 'versitygw',
      source: versitygw.source,
      portVariable: 'VERSITYGW_PORT',
      order: 2,
      command: async (host, port) => {
        const data = join(folder, 'data')
        const sidecar = join(folder, 'sidecar')
        for (const one of [data, sidecar]) await privateFolder(one)
        const users = join(folder, 'users')
        // In a file, because a command line is for everyone to read.
        await writeSecretFile(join(users, 'users.json'), accountsOf(secrets))
        return {
          file: versitygw.file,
          // Quiet: no line per request. Sidecar: not every file system has extended attributes.
          parameters: [
            ...['--quiet', '--port', `${host}:${port}`, '--health', healthPath, '--iam-dir', users],
            ...['posix', '--sidecar', sidecar, data],
          ],
          env: {
            ...packageSettings(env),
            ROOT_ACCESS_KEY_ID: rootUser,
            ROOT_SECRET_ACCESS_KEY: secrets.root,
          },
        }
      },
      probe: checkHealth,
      prepare: (host, port) =>
        setUpVersitygw({
          mc: mc.file,
          endpoint: `${host}:${port}`,
          root: rootUser,
          secret: secrets.root,
          env,
          bucket,
          origins: (env.CORS_ORIGINS ?? '').split(',').filter(Boolean),
        }),
      env: (host, port) => storeSettings(`http://${host}:${port}`, bucket, secrets),
    },
    options,
  )
}

const rootUser = 'millrace-root'
const healthPath = '/health'

/** Its own form of the accounts' file. None is an admin: what they may do is in the bucket's policy alone. */
function accountsOf(secrets: Record<BucketUser, string>): string {
  const accounts = threeUsers.map((user) => [user, { access: user, secret: secrets[user], role: 'user' }])
  return JSON.stringify({ accessAccounts: Object.fromEntries(accounts) })
}

async function checkHealth(host: string, port: number, signal: AbortSignal): Promise<void> {
  const response = await fetch(`http://${host}:${port}${healthPath}`, { signal })
  if (!response.ok || response.headers.get('server') !== 'VERSITYGW') {
    throw new Error(`no versitygw answers on ${host}:${port}`)
  }
}
