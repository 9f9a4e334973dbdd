import { startCaddy } from './caddy.ts'
import { type OpenStore, openStore } from './object-stores.ts'
import { ownMinio } from './own-store.ts'

/** A MinIO, and the proxy that compose.yaml's profile `minio` puts before it. */
export async function proxiedMinio() {
  const { env, close } = await ownMinio({ CORS_ORIGINS: 'http://127.0.0.1:*' })
  const direct = await openStore(async () => ({ env, stop: close }))
  const caddy = await startCaddy('minio.Caddyfile', (port) => ({
    PROXY_ADDRESS: `http://127.0.0.1:${port}`,
    MINIO_ADDRESS: new URL(direct.endpoint).host,
    S3_BUCKET: direct.bucket,
  }))
  const S3_ENDPOINT = `http://127.0.0.1:${caddy.ports[0]}`
  const proxied = await openStore(async () => ({ env: { ...env, S3_ENDPOINT }, stop: caddy.stop }))
  return {
    /** MinIO itself, as only the proxy reaches it under compose. */
    direct,
    proxied,
    /** The API's settings for the store behind the proxy. */
    env: { ...env, S3_ENDPOINT },
    /** The id of the key that signs uploads: it stands in every presigned URL. */
    uploadKey: env.S3_UPLOAD_KEY ?? '',
    /** What the proxy has logged. */
    log: caddy.lines,
    async close() {
      await proxied.close()
      await direct.close()
    },
  }
}

export type ProxiedMinio = Awaited<ReturnType<typeof proxiedMinio>>

export const urlOf = (store: OpenStore, key: string): string => `${store.endpoint}/${store.bucket}/${key}`
export const presigned = (store: OpenStore, key: string, size = 5) =>
  store.objects.presignPut(key, { size, contentType: 'text/plain' })
