import { randomBytes } from 'node:crypto'
import { randomSecret, readIfThere, writeSecretFile } from '../home/secret-file.ts'
import { type BucketUser, bucketUsers } from '../servers/store/bucket-users.ts'
import { envLines } from './environments.ts'

/**
 * Writes random secrets for `compose.yaml`, and the settings by which the API reaches these servers. An existing file
 * is kept, because the volumes depend on its secrets.
 */
export async function makeComposeEnv(file: string, env: NodeJS.ProcessEnv): Promise<string> {
  if (await readIfThere(file)) throw new Error(`${file} exists already; delete it to make new secrets`)
  const mongoPassword = randomSecret()
  const { PORT = '8787', MONGODB_PORT = '27017', NATS_PORT = '4222', S3_PORT = '9000' } = env
  const pages = listOf(env.CORS_ORIGINS)
  const lines = envLines({
    COMPOSE_PROFILES: profilesOf(env).join(','),
    PORT,
    MONGODB_PORT,
    NATS_PORT,
    S3_PORT,
    MONGODB_PASSWORD: mongoPassword,
    MONGODB_URL: `mongodb://millrace:${mongoPassword}@127.0.0.1:${MONGODB_PORT}/millrace?authSource=admin`,
    NATS_URL: `nats://127.0.0.1:${NATS_PORT}`,
    NATS_USER: 'api',
    NATS_PASSWORD: randomSecret(),
    NATS_AGENT_USER: 'agent',
    NATS_AGENT_PASSWORD: randomSecret(),
    S3_ENDPOINT: `http://127.0.0.1:${S3_PORT}`,
    S3_BUCKET: 'millrace',
    S3_ROOT_KEY: randomKeyId('root'),
    S3_ROOT_SECRET: randomSecret(),
    ...Object.assign({}, ...bucketUsers.map(userLines)),
    ...(pages.length ? { CORS_ORIGINS: pages.join(',') } : {}),
    S3_ORIGINS: originsOf(env).join(','),
    ...publicLines(env),
  })
  await writeSecretFile(file, lines)
  return file
}

const stores = ['versitygw', 'minio']

function profilesOf({ COMPOSE_PROFILES }: NodeJS.ProcessEnv): string[] {
  const named = listOf(COMPOSE_PROFILES)
  const unknown = named.filter((name) => ![...stores, 'public'].includes(name))
  if (unknown.length) throw new Error(`COMPOSE_PROFILES: unknown ${unknown.join(', ')}`)
  const store = named.filter((name) => stores.includes(name))
  if (store.length > 1)
    throw new Error(`COMPOSE_PROFILES: ${store.join(' and ')} use the same port; choose one`)
  return store.length ? named : ['versitygw', ...named]
}

/** MinIO accepts at most 20 characters. */
const randomKeyId = (user: BucketUser | 'root'): string => `${user}-${randomBytes(5).toString('hex')}`

const userLines = (user: BucketUser): Record<string, string> => ({
  [`S3_${user.toUpperCase()}_KEY`]: randomKeyId(user),
  [`S3_${user.toUpperCase()}_SECRET`]: randomSecret(),
})

/** Pages that may use the store: those of the API, and those that may call the API. */
function originsOf({ PORT = '8787', CORS_ORIGINS, MILLRACE_HOST }: NodeJS.ProcessEnv): string[] {
  const own = [`http://127.0.0.1:${PORT}`, `http://localhost:${PORT}`]
  if (MILLRACE_HOST) own.push(`https://${MILLRACE_HOST}`)
  return [...new Set([...own, ...listOf(CORS_ORIGINS)])]
}

const listOf = (text = ''): string[] =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)

/** Where containers reach the API: Docker's bridge, but Docker Desktop forwards to the loopback address. */
const containersSee = process.platform === 'linux' ? '172.17.0.1' : '127.0.0.1'

/** The profile `public`: the names under which clients reach the API and the store. */
function publicLines(env: NodeJS.ProcessEnv): Record<string, string> {
  if (!profilesOf(env).includes('public')) return {}
  const { MILLRACE_HOST, S3_HOST, HOST = containersSee } = env
  if (!MILLRACE_HOST || !S3_HOST) {
    throw new Error('the profile public needs MILLRACE_HOST and S3_HOST: two DNS names of this machine')
  }
  return {
    MILLRACE_HOST,
    S3_HOST,
    HOST,
    MILLRACE_PUBLIC_URL: `https://${MILLRACE_HOST}`,
    S3_PUBLIC_ENDPOINT: `https://${S3_HOST}`,
  }
}
