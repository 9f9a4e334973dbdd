import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Manifest } from '@millrace/shared/for-agents'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import { makeWheel } from '../../../fixtures/make-wheel.ts'
import { runProcess } from '../../process/run-process.ts'
import { startWatchdog, type Watchdog } from '../../process/stop/watchdog.ts'
import type { RunStep, Step } from '../steps/run-step.ts'
import { commandOutput } from './command-output.ts'
import { namesHelper } from './helper-options.ts'
import { readHelper } from './helper-source.ts'
import { install } from './install.ts'
import { interpreterFinder } from './interpreter.ts'
import { findUv } from './uv.ts'

it.each([
  ['millrace-module', true],
  ['Millrace_Module >=0.2', true],
  ['millrace-module[extra]==0.2.0; python_version > "3.8"', true],
  ['millrace-module-extra', false],
  ['millrace-modules', false],
  ['my-millrace-module', false],
  ['millrace-module @ https://example.org/millrace_module-1.0-py3-none-any.whl', false],
  ['six', false],
])('%s: %s', (line, names) => {
  expect(namesHelper({ lines: ['six', line] })).toBe(names)
})

let watchdog: Watchdog
let tools: string
let uv: string
let place: string
beforeAll(async () => {
  watchdog = startWatchdog()
  tools = await mkdtemp(join(tmpdir(), 'millrace-tools-'))
  const interpreter = await findInterpreter('')
  if ('fault' in interpreter) throw new Error(interpreter.fault)
  uv = (await findUv({ home: tools, own: process.env, interpreter, run })) ?? ''
})
afterAll(async () => {
  await watchdog.close()
  await rm(tools, { recursive: true })
})
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'millrace-helper, a-'))
  steps = []
})
afterEach(() => rm(place, { recursive: true }))

let steps: Step[] = []
const run: RunStep = (step) => {
  steps.push(step)
  return runProcess({ ...step, watchdog, onLine: () => undefined }).ended
}
const findInterpreter = interpreterFinder(process.env)

describe.each(['uv', 'pip'])('with %s', (installer) => {
  /** Installs a module with these requirements, without a network. */
  async function installed(requirements: string, own: Record<string, string> = {}) {
    const folder = await mkdtemp(join(place, 'module-'))
    await writeFile(join(folder, 'requirements.txt'), requirements)
    const dead = 'http://127.0.0.1:9'
    return install({
      manifest: Manifest.parse({ name: 'm', version: '1.0.0' }),
      digest: 'd',
      folder,
      paths: [],
      cacheDir: join(place, 'cache'),
      home: join(place, 'home'),
      own: {
        ...process.env,
        ...{ HTTP_PROXY: dead, HTTPS_PROXY: dead, PIP_RETRIES: '0', UV_HTTP_RETRIES: '0' },
        MILLRACE_UV: installer === 'pip' ? 'none' : uv,
        ...own,
      },
      findInterpreter,
      run,
    })
  }

  async function importedVersion(outcome: Awaited<ReturnType<typeof installed>>): Promise<string | null> {
    if ('fault' in outcome) throw new Error(outcome.fault)
    const print = 'import importlib.metadata, millrace_module as m; assert m.module; print(m.__version__)'
    return commandOutput(outcome.python, ['-I', '-c', print], { env: {}, timeoutMs: 30_000 })
  }

  const wheels = () => mkdtemp(join(tools, 'wheels-'))

  test('takes the helper from the agent, without a network', { timeout: 120_000 }, async () => {
    const { version } = await readHelper()
    expect(await importedVersion(await installed('millrace-module>=0.2'))).toBe(version)
    const [folder = ''] = await readdir(join(place, 'home', 'helper'))
    const built = await stat(join(place, 'home', 'helper', folder))
    const before = steps.length
    expect(await importedVersion(await installed('Millrace_Module'))).toBe(version)
    expect(
      steps.slice(before).filter(({ args }) => args.some((arg) => arg.endsWith('build_wheel.py'))),
    ).toEqual([])
    expect((await stat(join(place, 'home', 'helper', folder))).ino).toBe(built.ino)
  })

  test('lets no index replace it', { timeout: 120_000 }, async () => {
    const folder = await wheels()
    const { version } = await readHelper()
    for (const other of ['1.0', version, `${version}-9`])
      await makeWheel(folder, 'millrace-module', [], other)
    await makeWheel(folder, 'other', [])
    const outcome = await installed(`--no-index\n--find-links ${folder}\nother\nmillrace-module`)
    expect(await importedVersion(outcome)).toBe(version)
  })

  test('also uses the packages and constraints of the owner', { timeout: 120_000 }, async () => {
    const folder = await wheels()
    await makeWheel(folder, 'other', [])
    const links = installer === 'uv' ? 'UV_FIND_LINKS' : 'PIP_FIND_LINKS'
    const limits = installer === 'uv' ? 'UV_CONSTRAINT' : 'PIP_CONSTRAINT'
    const limit = join(tools, 'limit.txt')
    await writeFile(limit, 'other<1')
    expect(
      await importedVersion(await installed('--no-index\nother\nmillrace-module', { [links]: folder })),
    ).not.toBeNull()
    expect(
      await installed('--no-index\nother==1.0\nmillrace-module', { [links]: folder, [limits]: limit }),
    ).toMatchObject({ fault: expect.stringMatching(/^The requirements cannot be installed/) })
  })

  test("reports a helper version that is newer than the agent's", { timeout: 120_000 }, async () => {
    expect(await installed('millrace-module>=99')).toMatchObject({
      fault: expect.stringMatching(/: this agent brings millrace-module \d+\.\d+\.\d+: update Millrace/),
    })
  })
})
