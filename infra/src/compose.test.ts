import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { parse } from 'yaml'
import { natsAccounts } from './servers/nats-config.ts'
import { makeComposeEnv } from './supervise/compose-env.ts'
import { parseEnvLines } from './supervise/environments.ts'

const infra = join(import.meta.dirname, '..')
const text = await readFile(join(infra, 'compose.yaml'), 'utf8')
const { services, volumes, networks }: Compose = parse(text, { merge: true })

type Service = {
  image: string
  profiles?: string[]
  read_only?: boolean
  cap_drop?: string[]
  cap_add?: string[]
  security_opt?: string[]
  privileged?: boolean
  network_mode?: string
  environment?: Record<string, string>
  command?: string[]
  entrypoint?: string[]
  ports?: string[]
  volumes?: string[]
  networks?: string[] | Record<string, unknown>
  mem_limit?: string
  pids_limit?: number
  healthcheck?: { test?: string[]; disable?: boolean }
}
type Compose = {
  services: Record<string, Service>
  volumes: Record<string, unknown>
  networks: Record<string, { internal?: boolean }>
}

describe.each(Object.entries(services))('the service %s', (name, service) => {
  it('has a read-only root file system, and cannot gain capabilities', () => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
    expect(service.cap_add ?? []).toEqual(service.image.includes('caddy') ? ['NET_BIND_SERVICE'] : [])
    expect([service.privileged, service.network_mode]).toEqual([undefined, undefined])
  })

  it('has limits and a health check', () => {
    expect(service.mem_limit).toMatch(/^\d+[mg]$/)
    expect(service.pids_limit).toBeGreaterThan(0)
    if (name === 'minio-setup') expect(service.healthcheck).toEqual({ disable: true })
    else expect(service.healthcheck?.test?.length).toBeGreaterThan(1)
  })

  it('pins an exact version, and a variable can replace the image', () => {
    expect(service.image).toMatch(
      /^\$\{[A-Z_]+_IMAGE:-[a-z/]+:(v?\d+\.\d+\.\d+|RELEASE\.[\dTZ-]+)(-alpine)?\}$/,
    )
  })

  it('publishes ports on 127.0.0.1 only; the profile public publishes 80 and 443', () => {
    const published = service.ports ?? []
    if (name === 'public') expect(published).toEqual(['80:80', '443:443'])
    else for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\$\{[A-Z0-9_]+:-\d+\}:\d+$/)
  })

  it('keeps data in named volumes, and mounts files of this checkout read-only', () => {
    for (const volume of service.volumes ?? []) {
      const [from = ''] = volume.split(':')
      if (from.startsWith('./')) expect(volume).toMatch(/:ro$/)
      else expect(volumes).toHaveProperty(from)
    }
  })

  it('contains no secret, and passes none on a command line', () => {
    for (const [key, value] of Object.entries(service.environment ?? {}))
      if (/PASSWORD|SECRET|_KEY|MC_HOST/.test(key)) expect(value, key).toMatch(/\$\{\w+:\?/)
    expect([...(service.command ?? []), ...(service.entrypoint ?? [])].join(' ')).not.toContain('$')
  })
})

test('only the proxy and the set-up reach MinIO', () => {
  expect(networks.minio).toEqual({ internal: true })
  expect(services.minio).toMatchObject({ networks: ['minio'] })
  expect(services.minio).not.toHaveProperty('ports')
  const inside = Object.entries(services).filter(([, { networks = [] }]) =>
    namesOf(networks).includes('minio'),
  )
  expect(inside.map(([name]) => name)).toEqual(['minio', 'minio-proxy', 'minio-setup'])
})

test('each profile runs one store, under the name that the public proxy uses', () => {
  const byProfile = (profile?: string) =>
    Object.keys(services).filter((name) => services[name]?.profiles?.[0] === profile)
  expect(byProfile()).toEqual(['mongo', 'nats'])
  expect(byProfile('versitygw')).toEqual(['versitygw'])
  expect(byProfile('minio')).toEqual(['minio', 'minio-proxy', 'minio-setup'])
  expect(byProfile('public')).toEqual(['public'])
  for (const name of ['versitygw', 'minio-proxy'])
    expect(services[name]?.networks).toMatchObject({ store: { aliases: ['store'] } })
})

test('the public proxy reaches the store, and neither database nor NATS', () => {
  expect(services.public?.networks).toEqual(['store'])
  for (const name of ['mongo', 'nats']) expect(services[name]).not.toHaveProperty('networks')
})

const namesOf = (of: string[] | object): string[] => (Array.isArray(of) ? of : Object.keys(of))

describe('compose-env', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-compose-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const file = () => join(folder, 'compose.env')
  async function made(env: NodeJS.ProcessEnv) {
    await makeComposeEnv(file(), env)
    return parseEnvLines(await readFile(file(), 'utf8'))
  }

  it('makes every secret that the compose file requires, for its owner alone, and never twice', async () => {
    const env = await made({})
    expect((await stat(file())).mode & 0o777).toBe(0o600)
    const required = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name ?? '')
    expect(new Set(required).size).toBeGreaterThanOrEqual(12)
    expect(required.filter((name) => !env[name])).toEqual([])
    await expect(makeComposeEnv(file(), {})).rejects.toThrow('exists already')
  })

  it('makes a different secret for each purpose, and random key ids', async () => {
    const env = await made({})
    const secrets = Object.entries(env).filter(([name]) => /PASSWORD|SECRET/.test(name))
    expect(secrets).toHaveLength(7)
    expect(new Set(secrets.map(([, value]) => value)).size).toBe(7)
    for (const [, value] of secrets) expect(value).toMatch(/^s[0-9a-f]{38}$/)
    for (const user of ['root', 'manage', 'upload', 'download']) {
      const key = env[`S3_${user.toUpperCase()}_KEY`]
      expect(key).toMatch(new RegExp(`^${user}-[0-9a-f]{10}$`))
      expect(key?.length).toBeLessThanOrEqual(20)
    }
  })

  it.each([
    [undefined, 'versitygw'],
    ['minio', 'minio'],
    ['public', 'versitygw,public'],
    ['minio,public', 'minio,public'],
  ])('COMPOSE_PROFILES=%s runs %s', async (COMPOSE_PROFILES, written) => {
    const env = await made({ COMPOSE_PROFILES, MILLRACE_HOST: 'a.example', S3_HOST: 's3.example' })
    expect(env.COMPOSE_PROFILES).toBe(written)
  })

  it.each([
    [{ COMPOSE_PROFILES: 'minio,versitygw' }, 'choose one'],
    [{ COMPOSE_PROFILES: 'mini' }, 'unknown mini'],
    [{ COMPOSE_PROFILES: 'public' }, 'needs MILLRACE_HOST and S3_HOST'],
    [{ COMPOSE_PROFILES: 'public', MILLRACE_HOST: 'a.example' }, 'needs MILLRACE_HOST and S3_HOST'],
  ])('rejects %j, and writes nothing', async (env, message) => {
    await expect(makeComposeEnv(file(), env)).rejects.toThrow(message)
    await expect(stat(file())).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('writes the public names for the API, the store and its CORS rules', async () => {
    const env = await made({
      COMPOSE_PROFILES: 'public',
      MILLRACE_HOST: 'a.example',
      S3_HOST: 's3.example',
      CORS_ORIGINS: 'https://shop.example, https://a.example',
      PORT: '9999',
    })
    expect(env).toMatchObject({
      PORT: '9999',
      CORS_ORIGINS: 'https://shop.example,https://a.example',
      S3_ORIGINS: 'http://127.0.0.1:9999,http://localhost:9999,https://a.example,https://shop.example',
      MILLRACE_PUBLIC_URL: 'https://a.example',
      S3_PUBLIC_ENDPOINT: 'https://s3.example',
      S3_ENDPOINT: 'http://127.0.0.1:9000',
    })
  })
})

it('agents may do the same under compose as in development', async () => {
  const config = await readFile(join(infra, 'nats/nats.conf'), 'utf8')
  const accounts = natsAccounts({ api: '$NATS_PASSWORD', agent: '$NATS_AGENT_PASSWORD' })
  expect(config.slice(config.indexOf('accounts {'))).toBe(accounts)
})
