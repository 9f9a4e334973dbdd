import { randomSecret, readIfThere, writeSecretFile } from '../home/secret-file.ts'
import { envLines } from './environments.ts'

/**
 * Fresh random secrets for `compose.yaml`, and with them the settings by which the API finds these servers.
 * An existing file stays: the volumes know its secrets.
 */
export async function makeComposeEnv(file: string, env: NodeJS.ProcessEnv): Promise<string> {
  if (await readIfThere(file)) throw new Error(`${file} is there already; delete it to make new secrets`)
  const mongoPassword = randomSecret()
  const { MONGODB_PORT = '27017', NATS_PORT = '4222', S3_PORT = '9000' } = env
  const lines = envLines({
    MONGODB_PORT,
    NATS_PORT,
    S3_PORT,
    MONGODB_PASSWORD: mongoPassword,
    MINIO_ROOT_PASSWORD: randomSecret(),
    MONGODB_URL: `mongodb://millrace:${mongoPassword}@127.0.0.1:${MONGODB_PORT}/millrace?authSource=admin`,
    NATS_URL: `nats://127.0.0.1:${NATS_PORT}`,
    NATS_USER: 'api',
    NATS_PASSWORD: randomSecret(),
    NATS_AGENT_USER: 'agent',
    NATS_AGENT_PASSWORD: randomSecret(),
    S3_ENDPOINT: `http://127.0.0.1:${S3_PORT}`,
    S3_BUCKET: 'millrace',
    S3_MANAGE_KEY: 'manage',
    S3_MANAGE_SECRET: randomSecret(),
    S3_UPLOAD_KEY: 'upload',
    S3_UPLOAD_SECRET: randomSecret(),
    S3_DOWNLOAD_KEY: 'download',
    S3_DOWNLOAD_SECRET: randomSecret(),
  })
  await writeSecretFile(file, lines)
  return file
}
