/** `npm run set-up-store [compose.env]`: sets up the running versitygw of compose.yaml. Safe to repeat. */
import { resolve } from 'node:path'
import { readIfThere } from '../home/secret-file.ts'
import { setUpBucket } from '../servers/store/set-up-bucket.ts'
import { parseEnvLines } from '../supervise/environments.ts'

const file = resolve(process.argv[2] ?? resolve(import.meta.dirname, '../../compose.env'))
const text = await readIfThere(file)
if (!text) throw new Error(`${file} does not exist; run "npm start compose-env" first`)
const settings = parseEnvLines(text)

function setting(name: string): string {
  const value = settings[name]
  if (!value) throw new Error(`${file} has no ${name}`)
  return value
}

if (setting('COMPOSE_PROFILES').split(',').includes('versitygw')) {
  const endpoint = setting('S3_ENDPOINT')
  const bucket = setting('S3_BUCKET')
  await setUpBucket({
    endpoint,
    root: { key: setting('S3_ROOT_KEY'), secret: setting('S3_ROOT_SECRET') },
    users: {
      manage: { key: setting('S3_MANAGE_KEY') },
      upload: { key: setting('S3_UPLOAD_KEY') },
      download: { key: setting('S3_DOWNLOAD_KEY') },
    },
    bucket,
    origins: setting('S3_ORIGINS').split(','),
  })
  console.log(`set up: bucket ${bucket} at ${endpoint}`)
} else {
  console.log('nothing to set up: MinIO is set up by the service minio-setup')
}
