import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { makeComposeEnv } from '../../infra/src/supervise/compose-env.ts'
import { parseEnvLines } from '../../infra/src/supervise/environments.ts'
import { validateCaddyfile } from '../support/caddy.ts'
import { composeModel } from '../support/compose-spec.ts'
import { composeFile, filledCompose } from '../support/filled-compose.ts'

// The first test may have to build the validator and install Caddy.
vi.setConfig({ testTimeout: 900_000 })

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-compose-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function envOf(choices: Record<string, string> = {}): Promise<Record<string, string>> {
  const made = await makeComposeEnv(join(folder, 'compose.env'), choices)
  return parseEnvLines(await readFile(made, 'utf8'))
}

/** compose.yaml as Docker Compose resolves it, optionally with a mistake in it. */
async function modelOf(env: Record<string, string>, right = '', wrong = '') {
  const text = await filledCompose(env)
  expect(text).toContain(right)
  const file = join(folder, 'compose.yaml')
  await writeFile(file, text.replace(right, wrong))
  return composeModel(file)
}

describe('compose.yaml', () => {
  test('follows the specification, and compose-env sets every variable', async () => {
    const hosts = { MILLRACE_HOST: 'a.example', S3_HOST: 's3.example' }
    const env = await envOf({ COMPOSE_PROFILES: 'minio,public', ...hosts, S3_PORT: '9123' })
    const { services } = await modelOf(env)
    const names = ['minio', 'minio-proxy', 'minio-setup', 'mongo', 'nats', 'public', 'versitygw']
    expect(Object.keys(services).sort()).toEqual(names)
    expect(services['minio-proxy']?.ports).toEqual([{ host_ip: '127.0.0.1', published: '9123' }])
    for (const [name, { ports }] of Object.entries(services))
      if (name !== 'public') expect(ports.filter(({ host_ip }) => host_ip !== '127.0.0.1')).toEqual([])
    expect(services.public?.environment).toMatchObject(hosts)
    expect(JSON.stringify(services)).not.toMatch(/\$\{|\.invalid/)
  })

  test('takes other images from variables, also by digest', async () => {
    const digest = `@sha256:${'0'.repeat(64)}`
    const images = { MINIO_IMAGE: 'registry.example/patched/minio:1', MONGO_IMAGE: `mongo:8.0.34${digest}` }
    const { services } = await modelOf({ ...(await envOf()), ...images })
    expect([services.minio?.image, services.mongo?.image]).toEqual(Object.values(images))
  })

  test('reports every missing secret, and compose-env makes them all', async () => {
    const failed = String(await composeModel(composeFile).catch((error: Error) => error.message))
    const missing = [...failed.matchAll(/required variable (\w+) is missing a value: run compose-env first/g)]
    const names = new Set(missing.map(([, name]) => name))
    expect(names.size).toBeGreaterThanOrEqual(12)
    expect(Object.keys(await envOf())).toEqual(expect.arrayContaining([...names]))
  })

  test.each([
    ['an unknown key', 'read_only: true', 'read_onyl: true', 'read_onyl'],
    ['a wrong type', 'pids_limit: 256', 'pids_limit: [256]', 'pids_limit'],
    ['a text instead of a list', 'cap_drop: [ALL]', 'cap_drop: ALL', 'cap_drop'],
  ])('is rejected with %s', async (_, right, wrong, message) => {
    await expect(modelOf(await envOf(), right, wrong)).rejects.toThrow(message)
  })
})

test.each([
  ['minio.Caddyfile', {}],
  ['public.Caddyfile', { MILLRACE_HOST: 'a.example', S3_HOST: 's3.example' }],
])('Caddy accepts %s with the environment of compose.yaml', async (name, env) => {
  await validateCaddyfile(name, env)
})

test('Caddy rejects public.Caddyfile without its host names', async () => {
  await expect(validateCaddyfile('public.Caddyfile', {})).rejects.toThrow(/Caddyfile/)
})
