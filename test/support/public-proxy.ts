import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startCaddy } from './caddy.ts'
import { type Raw, sendRaw } from './forged-request.ts'
import { until } from './until.ts'

/** compose.yaml's profile `public`: its Caddyfile with TLS, under names for which Caddy signs certificates itself. */
export async function startPublic(api: string, store: string) {
  const caddy = await startCaddy('public.Caddyfile', (http, https) => ({
    HTTP_PORT: String(http),
    HTTPS_PORT: String(https),
    MILLRACE_HOST: 'localhost',
    S3_HOST: 's3.localhost',
    API_ADDRESS: api,
    STORE_ADDRESS: store,
  }))
  const ca = await until('the certificate authority', 30, () =>
    readFile(join(caddy.data, 'pki/authorities/local/root.crt'), 'utf8'),
  )
  const [, port] = caddy.ports
  const [site, storeSite] = [`https://localhost:${port}`, `https://s3.localhost:${port}`]
  const hasCertificate = (name: string) =>
    caddy.lines.some((line) => line.includes('obtained successfully') && line.includes(`"${name}"`))
  await until('both certificates', 30, () => hasCertificate('localhost') && hasCertificate('s3.localhost'))
  return { caddy, ca, site, storeSite, send: (url: string, raw: Raw) => sendRaw(url, { ...raw, ca }) }
}
export type PublicProxy = Awaited<ReturnType<typeof startPublic>>
