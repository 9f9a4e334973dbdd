import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ConfigFaults } from './config.ts'
import { followSettings } from './live-reload.ts'
import { readSettings } from './settings.ts'

let home: string
let env: NodeJS.ProcessEnv
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'settings-'))
  env = { AGENT_HOME: home, MILLRACE_URL: 'http://api', MILLRACE_AGENT_KEY: 'k' }
})
afterEach(() => rm(home, { recursive: true }))
const write = (text: string) => writeFile(join(home, 'agent.yaml'), text)
const faultsOf = async (args: string[] = []) => {
  const error = await readSettings(env, args).catch((caught: unknown) => caught)
  if (!(error instanceof ConfigFaults)) throw new Error(`no faults, but ${error}`)
  return error.faults.join('\n')
}

test('flags override the environment, which overrides the file, which overrides the defaults', async () => {
  await write('max_runs: 2\nwarm_idle_seconds: 5\ndrain_seconds: 7\nagent_name: desk\n')
  const config = await readSettings({ ...env, WARM_IDLE_SECONDS: '6', MAX_RUNS: '3' }, ['--max-runs', '4'])
  expect(config).toMatchObject({
    maxRuns: 4,
    warm: { idleSeconds: 6, maxTasks: 1000 },
    drainSeconds: 7,
    name: 'desk',
  })
  expect(config.own).not.toHaveProperty('DRAIN_SECONDS')
})

test('the home may be a flag, and contains the file', async () => {
  await write('max_runs: 2')
  expect(await readSettings({ ...env, AGENT_HOME: '/nowhere' }, [`--agent-home=${home}`])).toMatchObject({
    home,
    maxRuns: 2,
  })
})

test('all faults are reported: names, values, keys on the command line', async () => {
  expect(await faultsOf(['--max-run', '3'])).toBe('--max-run: unknown flag')
  expect(await faultsOf(['--max-runs'])).toBe('--max-runs: a value is missing')
  expect(await faultsOf(['--millrace-agent-key', 'k'])).toContain('does not belong on a command line')
  expect(await faultsOf(['--max-runs', '0', '--pause-hours', 'always'])).toMatch(
    /MAX_RUNS: .*\nPAUSE_HOURS: "always" is not like/,
  )
  await write('max_run: 3')
  expect(await faultsOf()).toContain('unknown setting "max_run"')
  await write('max_runs: [3]')
  expect(await faultsOf()).toContain('"max_runs" must be one value')
  await write('- a list')
  expect(await faultsOf()).toContain('it must contain lines like')
})

test('variables for modules come from the file, exactly as written', async () => {
  await write(
    'max_runs: 2\nmodule_env:\n  HF_TOKEN: 0123\n  EXP: 1e5\n  YES: yes\n  NONE:\n  speech:\n    HF_TOKEN: "a b"\n',
  )
  expect((await readSettings(env, [])).moduleVariables).toEqual({
    all: { HF_TOKEN: '0123', EXP: '1e5', YES: 'yes', NONE: '' },
    of: { speech: { HF_TOKEN: 'a b' } },
  })
  await write('module-env:\n')
  expect((await readSettings(env, [])).moduleVariables).toEqual({ all: {}, of: {} })
})

test.each([
  'module_env:\n  TOKEN: *hidden\n',
  'module_env:\n  TOKEN: a: hidden\n',
  'module_env:\n  TOKEN: "hidden\n',
  'module_env:\n  TOKEN: @hidden\n',
  'module_env:\n  TOKEN: {hidden\n',
  'module_env:\n  PATH: hidden\n',
  'module_env:\n\tTOKEN: hidden\n',
  'module_env: hidden\n',
  'module_env:\n  T: &a hidden\n  T: b\n',
])('the fault of a file does not quote its content: %j', async (text) => {
  await write(text)
  expect(await faultsOf()).toMatch(/agent\.yaml: \S+/)
  expect(await faultsOf()).not.toContain('hidden')
})

test('limits change while the agent runs; a faulty file changes nothing; fixed settings are reported', async () => {
  await write('max_runs: 2')
  const config = await readSettings(env, [])
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const onChange = vi.fn()
  const end = followSettings(config, [], logger, onChange)
  try {
    await write('max_runs: 5\nagent_name: other\n')
    await vi.waitFor(() => expect(config.maxRuns).toBe(5), 10_000)
    expect(onChange).toHaveBeenCalledOnce()
    expect(lines.join('')).toMatch(/"settings":\["name"\].*next start/)
    await write('max_runs: many')
    await vi.waitFor(() => expect(lines.join('')).toContain('keeping the current ones'), 10_000)
    expect(config.maxRuns).toBe(5)
  } finally {
    end()
  }
}, 30_000)
