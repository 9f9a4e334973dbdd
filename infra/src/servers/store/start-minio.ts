import { join } from 'node:path'
import { findPrograms } from '../../find/find-programs.ts'
import { packageSettings } from '../../find/package-settings.ts'
import { privateFolder } from '../../home/secret-file.ts'
import { runServer } from '../run-server.ts'
import type { Server, ServerOptions } from '../server.ts'
import { type KeyPair, storeKeys, storeSettings } from './bucket-users.ts'
import { setUpMinio } from './set-up-minio.ts'

/** MinIO with a bucket and its three users. It needs `mc` as well: the S3 API has no users. */
export async function startMinio(options: ServerOptions): Promise<Server> {
  const { home, env = process.env } = options
  const folder = join(home, 'minio')
  const bucket = env.S3_BUCKET || 'millrace'
  const keys = await storeKeys(folder)
  const [minio, mc] = await findPrograms(['minio', 'mc'], { ...options, env })
  if (!minio || !mc) throw new Error('findPrograms returns as many programs as it is asked for')
  return runServer(
    {
      name: 'store',
      logName: 'minio',
      source: minio.source,
      portVariable: 'S3_PORT',
      order: 2,
      command: async (host, port) => {
        const data = join(folder, 'data')
        await privateFolder(data)
        return {
          file: minio.file,
          // Quiet: its greeting repeats the root user.
          parameters: ['server', '--quiet', '--address', `${host}:${port}`, data],
          env: { ...packageSettings(env), ...minioSettings(env, keys.root) },
        }
      },
      probe: checkHealth,
      prepare: (host, port) =>
        setUpMinio({
          mc: mc.file,
          endpoint: `${host}:${port}`,
          root: keys.root,
          env,
          folder,
          bucket,
          users: keys,
        }),
      env: (host, port) => storeSettings(`http://${host}:${port}`, bucket, keys),
    },
    options,
  )
}

function minioSettings(env: NodeJS.ProcessEnv, root: KeyPair): Record<string, string> {
  return {
    MINIO_ROOT_USER: root.key,
    MINIO_ROOT_PASSWORD: root.secret,
    // Unset means every page of the web; a name that cannot exist means none.
    MINIO_API_CORS_ALLOW_ORIGIN: env.CORS_ORIGINS || 'http://none.invalid',
    MINIO_API_STALE_UPLOADS_EXPIRY: '24h',
    MINIO_BROWSER: 'off',
    MINIO_UPDATE: 'off',
  }
}

async function checkHealth(host: string, port: number, signal: AbortSignal): Promise<void> {
  const response = await fetch(`http://${host}:${port}/minio/health/live`, { signal })
  if (!response.ok || !response.headers.get('server')?.startsWith('MinIO')) {
    throw new Error(`no MinIO answers on ${host}:${port}`)
  }
}
