import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
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
  const secrets = [...text.matchAll(/^ +(\w*(?:PASSWORD|SECRET|MC_HOST)\w*): (.*)$/gm)]
  expect(secrets).toHaveLength(8)
  for (const [, name, value] of secrets) expect(value, name).toMatch(/\$\{\w+:\?/)
  const ports = [...text.matchAll(/ports: \["(.*)"\]/g)].map(([, port]) => port)
  expect(ports).toHaveLength(3)
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)

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
