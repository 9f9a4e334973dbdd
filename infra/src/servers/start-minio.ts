import { join } from 'node:path'
import { findProgram } from '../find/find-programs.ts'
import { packageSettings } from '../find/package-settings.ts'
import { keptCredentials, privateFolder } from '../home/secret-file.ts'
import { given } from './given.ts'
import { setUpMinio } from './minio-setup.ts'
import { runServer } from './run-server.ts'
import { givenServer, type Server, type ServerOptions } from './server.ts'
import { storeSettings, threeUsers } from './three-users.ts'

/** MinIO with one bucket and three users: one that may only upload, one that may only download, one that manages. */
export async function startMinio(options: ServerOptions): Promise<Server> {
  const { home, cache, env = process.env, report = () => undefined } = options
  const elsewhere = given('minio', env)
  if (elsewhere) return givenServer('minio', elsewhere)

  const folder = join(home, 'minio')
  const bucket = env.S3_BUCKET || 'millrace'
  const secrets = await keptCredentials(join(folder, 'credentials.json'), ['root', ...threeUsers])
  const finding = { env, cache, report }
  const [minio, mc] = await Promise.all([findProgram('minio', finding), findProgram('mc', finding)])
  return runServer(
    {
      name: 'minio',
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
          env: { ...packageSettings(env), ...minioSettings(env, secrets.root) },
        }
      },
      probe: checkHealth,
      prepare: (host, port) =>
        setUpMinio({
          mc: mc.file,
          folder,
          endpoint: `${host}:${port}`,
          bucket,
          root: rootUser,
          secret: secrets.root,
          secrets,
          env,
        }),
      env: (host, port) => storeSettings(`http://${host}:${port}`, bucket, secrets),
    },
    options,
  )
}

const rootUser = 'millrace-root'

function minioSettings(env: NodeJS.ProcessEnv, rootSecret: string): Record<string, string> {
  return {
    MINIO_ROOT_USER: rootUser,
    MINIO_ROOT_PASSWORD: rootSecret,
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
