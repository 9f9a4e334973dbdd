import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parse } from 'yaml'
import { agentPermissions } from './servers/nats-config.ts'
import { makeComposeEnv } from './supervise/compose-env.ts'
import { parseEnvLines } from './supervise/environments.ts'

const infra = join(import.meta.dirname, '..')
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-compose-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it('the compose file has no secret of its own: every one must be given, and compose-env gives all', async () => {
  const text = await readFile(join(infra, 'compose.yaml'), 'utf8')
  const {
    services,
  }: { services: Record<string, { environment?: Record<string, string>; ports?: string[] }> } = parse(text)
  expect(Object.keys(services)).toEqual(['mongo', 'nats', 'minio', 'minio-setup'])

  const secrets = Object.values(services)
    .flatMap(({ environment }) => Object.entries(environment ?? {}))
    .filter(([name]) => /PASSWORD|SECRET|MC_HOST/.test(name))
  expect(secrets).toHaveLength(8)
  for (const [name, value] of secrets) expect(value, name).toMatch(/\$\{\w+:\?/)
  for (const port of Object.values(services).flatMap(({ ports }) => ports ?? []))
    expect(port).toMatch(/^127\.0\.0\.1:/)

  const file = await makeComposeEnv(join(folder, 'compose.env'), {})
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const made = parseEnvLines(await readFile(file, 'utf8'))
  const required = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name ?? '')
  expect(required.filter((name) => !made[name])).toEqual([])
  await expect(makeComposeEnv(file, {})).rejects.toThrow('is there already')
})

it('agents may do the same under compose as in development', async () => {
  const config = await readFile(join(infra, 'nats/nats.conf'), 'utf8')
  const allowed = [...config.matchAll(/allow: (\[.*?\])/g)].map(([, list]) => JSON.parse(list ?? ''))
  expect(allowed).toEqual([agentPermissions.publish, agentPermissions.subscribe])
})
