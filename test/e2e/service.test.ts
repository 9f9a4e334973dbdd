import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Installation, installation } from '../support/installation.ts'
import { until } from '../support/until.ts'

/** `millrace agent install-service`: files that a system's service manager understands, and that start an agent. */

const run = promisify(execFile)
const cli = resolve(import.meta.dirname, '../../packages/cli/src/main.ts')
let folder: string
let here: Installation | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-service-'))
})
afterEach(async () => {
  await here?.close()
  here = undefined
  await rm(folder, { recursive: true, force: true })
})

/** Settings with everything in them that a format may trip over. */
const awkward = `a "quoted" $HOME \\back\\ 100% & <b> 'single' \`tick\``
const millrace = async (args: string[], env: Record<string, string> = {}) => {
  const own = { PATH: process.env.PATH ?? '', HOME: folder, ...env }
  return (await run(process.execPath, [cli, 'agent', ...args], { env: own })).stdout
}

/** As systemd reads it: words in quotes, with `%%`, `$$` and backslashes undone. */
function execStart(unit: string): string[] {
  const line = /^ExecStart=(.*)$/m.exec(unit)?.[1] ?? ''
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, inQuotes, bare]) =>
    (inQuotes ?? bare ?? '').replace(/\\(.)/g, '$1').replaceAll('%%', '%').replace(/^:/, ''),
  )
}
function environmentFile(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/^([A-Z0-9_]+)="((?:[^"\\]|\\.)*)"$/gm)]
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value.replace(/\\(.)/g, '$1')]))
}

test('the unit of a user starts an agent that registers with the settings it was given, however odd they are', async () => {
  here = await installation([])
  await here.agent.program.stop()
  const { secret } = await here.api.client.createKey({ name: 'service', scopes: ['agent'] })
  const home = join(folder, 'an agent & 100% "odd" home')
  await mkdir(home)
  const said = await millrace(['install-service', '--home', home], {
    MILLRACE_URL: here.api.url,
    MILLRACE_AGENT_KEY: secret ?? '',
    AGENT_NAME: awkward,
    MODULES_DIR: folder,
    UNRELATED_SECRET: 'not for the service',
  })
  expect(said).toContain('systemctl --user enable --now millrace-agent.service')
  const unitFile = join(folder, '.config/systemd/user/millrace-agent.service')
  const unit = await readFile(unitFile, 'utf8')
  const settingsFile = join(home, 'service.env')
  expect((await stat(settingsFile)).mode & 0o777).toBe(0o600)
  expect(unit).not.toContain(secret)
  // Where systemd is, it has the last word on its own format.
  if (existsSync('/usr/bin/systemd-analyze'))
    await run('systemd-analyze', ['--user', 'verify', unitFile], {
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
    })
  const settings = environmentFile(await readFile(settingsFile, 'utf8'))
  expect(settings).toMatchObject({ AGENT_NAME: awkward, AGENT_HOME: home })
  expect(settings).not.toHaveProperty('UNRELATED_SECRET')
  const [command = '', ...args] = execStart(unit)
  const agent = spawn(command, args, { env: settings, cwd: home, stdio: 'ignore' })
  const ended = once(agent, 'exit')
  try {
    await until('it has kept who it is', 30, async () => existsSync(join(home, 'agent.json')))
    await until('it is registered', 30, async () =>
      (await here?.client.listAgents())?.items.some(
        ({ name, status }) => name === awkward && status === 'online',
      ),
    )
  } finally {
    agent.kill('SIGTERM')
    await ended
  }
  await millrace(['uninstall-service', '--home', home])
  expect(existsSync(unitFile)).toBe(false)
  expect(existsSync(settingsFile)).toBe(false)
  expect(await readdir(home)).toContain('agent.json')
})

test('for Windows the XML of WinSW holds what it was given, and is shown without the key', async () => {
  const env = { MILLRACE_URL: 'http://api', MILLRACE_AGENT_KEY: 'a-secret', AGENT_NAME: awkward }
  await expect(millrace(['install-service', '--for', 'windows'], env)).rejects.toThrow(/only shown here/)
  const args = ['install-service', '--for', 'windows', '--home', 'C:\\My agent', '--name', 'gpu-desk'].concat(
    '--node',
    'C:\\node\\node.exe',
    '--repository',
    'D:\\millrace',
  )
  const shown = await millrace([...args, '--print'], env)
  expect(shown).toContain('# C:\\My agent\\service\\gpu-desk.xml')
  expect(shown).not.toContain('a-secret')
  expect(shown).toContain('name="MILLRACE_AGENT_KEY" value="***"')
  expect(shown).toContain(
    'value="a &quot;quoted&quot; $HOME \\back\\ 100%MILLRACE_PERCENT% &amp; &lt;b&gt; &apos;single&apos; `tick`"',
  )
  expect(shown).toMatch(/<arguments>.* &quot;D:\\millrace\\packages\\agent\\src\\main\.ts&quot;<\/arguments>/)
  expect(await readdir(folder)).toEqual([])
})

test('what cannot be a service is refused with what to do', async () => {
  await expect(millrace(['install-service'])).rejects.toThrow(/set MILLRACE_URL and MILLRACE_AGENT_KEY/)
  const env = { MILLRACE_URL: 'http://api', MILLRACE_AGENT_KEY: 'k' }
  await expect(millrace(['install-service', '--name', '../x'], env)).rejects.toThrow(
    /cannot be a service's name/,
  )
  await expect(millrace(['install-service'], { ...env, AGENT_NAME: 'two\nlines' })).rejects.toThrow(
    /AGENT_NAME has more than one line/,
  )
})
