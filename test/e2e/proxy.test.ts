import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentProcess, agentProcess } from '../support/agent-process.ts'
import { forwardProxy } from '../support/forward-proxy.ts'
import { type Installation, installation } from '../support/installation.ts'
import { until } from '../support/until.ts'

/** Networks with a proxy as the only way out: only the proxy can resolve the API's name. */

const name = 'millrace.invalid'
const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const cli = join(root, 'packages/cli/src/main.ts')
let here: Installation
let proxy: Awaited<ReturnType<typeof forwardProxy>>
let behind: AgentProcess | undefined
let url: string
beforeAll(async () => {
  here = await installation([])
  await here.agent.program.stop()
  proxy = await forwardProxy(name)
  url = here.api.url.replace('127.0.0.1', name)
})
afterAll(async () => {
  await behind?.close()
  proxy?.close()
  await here?.close()
})

test.each([
  ['http', 'HTTP_PROXY'],
  ['jetstream', 'http_proxy'],
])('an agent that hears of its work over %s works behind %s', async (queue, variable) => {
  proxy.seen.length = 0
  const { secret } = await here.client.createKey({ name: queue, scopes: ['agent'] })
  behind = await agentProcess(url, secret ?? '', ['text-stats'], {
    MILLRACE_QUEUE: queue,
    [variable]: proxy.url.replace('//', '//ada:a-password@'),
  })
  behind.start()
  await behind.available(here.client)
  const { id } = await here.client.createTask({ module: 'text-stats', inputs: { text: 'one two' } })
  const task = await until('it has ended', 60, async () => {
    const now = await here.client.task(id, 5)
    return now.finishedAt !== null && now
  })
  expect(task.status).toBe('succeeded')
  expect(proxy.seen).toContain('POST /agent/v1/register')
  const said = behind.program.lines.join('\n')
  expect(said).toContain(`requests use the proxy ${new URL(proxy.url).host} (HTTP_PROXY)`)
  expect(said).not.toContain('a-password')
  // Requests to this machine never use the proxy.
  const home = join(behind.home, 'agent')
  const { stdout } = await run(process.execPath, [cli, 'agent', 'status', '--home', home], {
    env: { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: 'http://127.0.0.1:9' },
  })
  expect(stdout).toContain('working')
  await behind.close()
  behind = undefined
})

test('a program with the client needs but NODE_USE_ENV_PROXY', async () => {
  proxy.seen.length = 0
  const file = join(root, 'packages/client/src/index.ts')
  const script = `
    const { connect } = await import(${JSON.stringify(file)})
    const client = connect({ url: process.env.API, key: process.env.KEY })
    console.log((await client.listAgents()).items.length)`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
    env: { API: url, KEY: 'an-admin-key-for-tests', NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.url },
  })
  expect(Number(stdout)).toBeGreaterThan(0)
  expect(proxy.seen.length).toBeGreaterThan(0)
})
