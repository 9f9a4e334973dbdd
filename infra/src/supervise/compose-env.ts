import { randomSecret, readIfThere, writeSecretFile } from '../home/secret-file.ts'

const secrets = [
  'MONGODB_PASSWORD',
  'NATS_PASSWORD',
  'NATS_AGENT_PASSWORD',
  'MINIO_ROOT_PASSWORD',
  'S3_MANAGE_SECRET',
  'S3_UPLOAD_SECRET',
  'S3_DOWNLOAD_SECRET',
]

/** A file of fresh random secrets for `compose.yaml`. An existing file stays: the volumes know its secrets. */
export async function makeComposeEnv(file: string): Promise<string> {
  if (await readIfThere(file)) throw new Error(`${file} is there already; delete it to make new secrets`)
  await writeSecretFile(file, secrets.map((name) => `${name}=${randomSecret()}\n`).join(''))
  return file
}
