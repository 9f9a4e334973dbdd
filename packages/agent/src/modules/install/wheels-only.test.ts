import { execFile } from 'node:child_process'
import { glob, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Manifest } from '@millrace/shared/for-agents'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeWheel } from '../../../fixtures/make-wheel.ts'
import { runProcess } from '../../process/run-process.ts'
import { startWatchdog, type Watchdog } from '../../process/stop/watchdog.ts'
import type { RunStep } from '../steps/run-step.ts'
import { buildEnvironment } from './environment.ts'
import { install } from './install.ts'
import { interpreterFinder } from './interpreter.ts'
import { findUv } from './uv.ts'

/** No line of a module's requirements runs code before the module's test, unless the manifest allows it. */

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
  place = await mkdtemp(join(tmpdir(), 'millrace-wheels-'))
})
afterEach(() => rm(place, { recursive: true }))

const mark = () => join(place, 'BUILT')
const hasRun = () =>
  readFile(mark()).then(
    () => true,
    () => false,
  )
const run: RunStep = (step) => runProcess({ ...step, watchdog, onLine: () => undefined }).ended
const findInterpreter = interpreterFinder(process.env)

async function write(files: Record<string, string>): Promise<string> {
  const folder = join(place, 'module')
  const setup = `open(${JSON.stringify(mark())}, "a").write("x")\nfrom setuptools import setup\nsetup(name="foo", version="1.0", py_modules=[])\n`
  for (const [name, text] of Object.entries({
    'libs/foo/setup.py': setup,
    'foo-1.0/setup.py': setup,
    'ours/pyproject.toml':
      '[build-system]\nrequires = []\nbuild-backend = "ours"\nbackend-path = ["."]\n[project]\nname = "foo"\nversion = "1"\n',
    'ours/ours.py': setup,
    ...files,
  })) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  await promisify(execFile)('tar', ['czf', 'libs/foo-1.0.tar.gz', 'foo-1.0'], { cwd: folder })
  return folder
}

const installed = (folder: string, env: NodeJS.ProcessEnv) =>
  install({
    manifest: Manifest.parse({ name: 'm', version: '1.0.0' }),
    digest: 'd',
    folder,
    paths: [],
    cacheDir: join(place, 'cache'),
    home: join(place, 'home'),
    own: env,
    findInterpreter,
    run,
  })

const own = (installer: string) => ({ ...process.env, MILLRACE_UV: installer === 'pip' ? 'none' : uv })

const cases: [string, Record<string, string>][] = [
  ['a folder', { 'requirements.txt': 'libs/foo' }],
  ['a folder with a dot', { 'requirements.txt': './libs/foo' }],
  ['a folder with extras', { 'requirements.txt': 'libs/foo[extra]' }],
  ['a folder by a name', { 'requirements.txt': 'foo @ libs/foo' }],
  ['an archive', { 'requirements.txt': 'libs/foo-1.0.tar.gz' }],
  ['a custom backend', { 'requirements.txt': './ours' }],
  ['an editable project', { 'requirements.txt': '-e ./libs/foo' }],
  [
    'an editable project, in an included file',
    { 'requirements.txt': '-r base.txt', 'base.txt': '-e ./libs/foo' },
  ],
  [
    'an archive in a file that an included file includes',
    { 'requirements.txt': '-r a.txt', 'a.txt': '-rb.txt', 'b.txt': 'libs/foo-1.0.tar.gz' },
  ],
]

describe.each(['uv', 'pip'])('with %s', (installer) => {
  test.each(cases)('%s is rejected before anything runs', { timeout: 120_000 }, async (_, files) => {
    const folder = await write(files)
    expect(await installed(folder, own(installer))).toMatchObject({
      fault: expect.stringMatching(/has to be built: name a package that has a wheel/),
    })
    expect(await hasRun()).toBe(false)
  })

  /** What the installer itself reports when no line shows the build. */
  async function built(folder: string, file = 'requirements.txt') {
    const interpreter = await findInterpreter('')
    if ('fault' in interpreter) throw new Error(interpreter.fault)
    return buildEnvironment({
      folder: join(place, 'home', 'envs', 'e'),
      home: join(place, 'home'),
      requirements: { file: join(folder, file), text: '', lines: [], named: [] },
      interpreter,
      torchBackend: null,
      helper: null,
      allowBuilds: false,
      timeoutSeconds: 100,
      own: own(installer),
      run,
    })
  }

  test('a wheel that requires a folder does not get it', { timeout: 120_000 }, async () => {
    const folder = await write({ 'requirements.txt': './helper-1.0-py3-none-any.whl' })
    await makeWheel(folder, 'helper', [`Requires-Dist: foo @ file://${folder}/libs/foo`])
    expect(await built(folder)).toMatchObject({ fault: expect.any(String) })
    expect(await hasRun()).toBe(false)
  })

  test('the installer itself rejects a build that no line shows', { timeout: 240_000 }, async () => {
    for (const line of ['libs/foo', 'libs/foo-1.0.tar.gz', './ours']) {
      const folder = await write({ 'requirements.txt': line })
      expect(await built(folder), line).toMatchObject({ fault: expect.any(String) })
      expect(await hasRun(), line).toBe(false)
    }
  })

  test("a module's writes into its environment reach no other file", {
    timeout: 120_000,
  }, async () => {
    const folder = await write({ 'requirements.txt': 'six' })
    expect(await built(folder)).toBeNull()
    const env = join(place, 'home', 'envs', 'e')
    const [file = ''] = await Array.fromAsync(glob(join(env, '**', 'six.py')))
    expect((await stat(file)).nlink).toBe(1)
  })

  test('installs a wheel next to the requirements', { timeout: 120_000 }, async () => {
    const folder = await write({ 'requirements.txt': './helper-1.0-py3-none-any.whl' })
    await makeWheel(folder, 'helper', [])
    expect(await built(folder)).toBeNull()
  })
})

test("uv settings in the module's folder do not enable builds", { timeout: 120_000 }, async () => {
  const folder = await write({
    'requirements.txt': 'six',
    'uv.toml': 'no-build = false\nno-binary = true\n[pip]\nno-build = false\nonly-binary = [":none:"]\n',
  })
  const env = { ...own('uv'), UV_CACHE_DIR: join(place, 'uv') }
  expect(await installed(folder, env)).toMatchObject({ fault: expect.stringMatching(/six/) })
})
