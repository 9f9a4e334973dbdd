import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { InventoryRequest } from '@millrace/shared/for-agents'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { committed } from '../../fixtures/misbehaving/committed.ts'
import { folders } from '../../fixtures/misbehaving/folders.ts'
import { manifests } from '../../fixtures/misbehaving/manifests.ts'
import { programs } from '../../fixtures/misbehaving/programs.ts'
import { makePackages, requirements } from '../../fixtures/misbehaving/requirements.ts'
import { writeModule } from '../../fixtures/misbehaving/write-module.ts'
import { processesWith, until } from '../../fixtures/run-fixture.ts'
import { classifyOutcome } from '../process/classify-outcome.ts'
import { moduleEnv } from '../process/module-env.ts'
import { runProcess } from '../process/run-process.ts'
import { startWatchdog, type Watchdog } from '../process/stop/watchdog.ts'
import { openSignals } from '../signals/agent-signals.ts'
import { type Catalogue, openCatalogue } from './catalogue.ts'
import { listFolder } from './detect/folder-listing.ts'

/** One agent gets all of them in one folder, together with a good module. */

const groups = { committed, folders, manifests, requirements: requirements(''), programs }
const good = ['good-first', 'zz-good-last']

let place: string
let watchdog: Watchdog
let catalogue: Catalogue
let stamp: string
let failures: unknown[]

beforeAll(async () => {
  watchdog = startWatchdog()
  place = await mkdtemp(join(tmpdir(), 'millrace misbehaving ü '))
  const modulesDir = join(place, 'modules')
  const packages = join(place, 'packages')
  await mkdir(packages)
  makePackages(packages)
  for (const name of good) await writeModule(join(modulesDir, name))
  for (const [name, recipe] of Object.values({ ...groups, requirements: requirements(packages) }).flat())
    await writeModule(join(modulesDir, name), recipe)
  stamp = (await listFolder(modulesDir)).stamp
  failures = []
  catalogue = openCatalogue({
    modulesDir,
    home: join(place, 'home'),
    own: { ...process.env, UV_HTTP_RETRIES: '0' },
    watchdog,
    logger: {
      info: () => undefined,
      warn: (...said) => failures.push(said),
      error: (...said) => failures.push(said),
    },
    signals: openSignals(),
    onInstallLines: () => undefined,
    quietMs: 0,
    graceMs: 100,
  })
  await catalogue.scan()
  await until(() => catalogue.inventory().every(({ status }) => /AVAILABLE|ERROR/.test(status)), 240_000)
})
afterAll(async () => {
  await catalogue?.close()
  await watchdog?.close()
  await rm(place, { recursive: true, force: true })
})

const found = (folderName: string) => catalogue.inventory().find(({ path }) => basename(path) === folderName)

describe.each(Object.entries(groups))('unusual %s:', (_, group) => {
  it.each(group)('%s', (folderName, _, says) => {
    const module = found(folderName)
    if (says === 'unlisted') return expect(module).toBeUndefined()
    if (says === null) return expect(module).toMatchObject({ status: 'AVAILABLE', error: null })
    expect(module).toMatchObject({ status: 'ERROR', error: expect.stringMatching(says) })
  })
})

describe('after all of them', () => {
  it('the good modules are available', () => {
    for (const name of good) expect(found(name)).toMatchObject({ status: 'AVAILABLE', error: null })
    expect(failures).toEqual([])
  })

  it("the API accepts the agent's report", () => {
    const request = { sessionId: 'ses_00000000000000000000000000', modules: catalogue.inventory() }
    expect(InventoryRequest.safeParse(request).error).toBeUndefined()
    expect(JSON.stringify(request).length).toBeLessThan(1024 * 1024)
  })

  it('a good module serves', async () => {
    const [module] = catalogue.available().filter(({ name }) => name === good[0])
    if (!module) throw new Error('it is not available')
    const runDir = await mkdtemp(join(tmpdir(), 'millrace-run-'))
    const { ended } = runProcess({
      command: module.python,
      args: [
        join(module.folder, 'main.py'),
        '--mode',
        'run',
        '--input_file',
        join(module.folder, 'test_data.json'),
      ],
      cwd: runDir,
      env: moduleEnv({
        ...{ ...module, tmpDir: runDir, outputDir: runDir, taskId: 'tsk', usesGpu: false, threads: 1 },
        own: process.env,
      }),
      timeoutSeconds: 60,
      watchdog,
      onLine: () => undefined,
    })
    const verdict = await classifyOutcome({ end: await ended, manifest: module.manifest, outputDir: runDir })
    await rm(runDir, { recursive: true })
    expect(verdict).toMatchObject({ outcome: 'succeeded', outputs: { answer: { value: 'ok' } } })
  })

  it('leaves no process, no test folder, and no partial environment', async () => {
    expect(processesWith(place)).toEqual([])
    expect(await readdir(join(place, 'home', 'tests'))).toEqual([])
    const kept = await Promise.all(['envs', 'modules'].map((name) => readdir(join(place, 'home', name))))
    expect(kept.flat().filter((name) => name.endsWith('.new'))).toEqual([])
  })

  it("writes only below the agent's home", async () => {
    expect((await readdir(place)).sort()).toEqual(['home', 'modules', 'packages'])
    expect((await listFolder(join(place, 'modules'))).stamp).toBe(stamp)
  })

  it('copies a module that deleted itself again on a retry', async () => {
    const settled = (name: string) =>
      until(() => /AVAILABLE|ERROR/.test(found(name)?.status ?? '') && found(name))
    for (const name of ['deletes-itself-once', 'test-deletes-itself']) catalogue.retry(name)
    expect(await settled('deletes-itself-once')).toMatchObject({ status: 'AVAILABLE', error: null })
    const again = await settled('test-deletes-itself')
    expect(again).toMatchObject({
      status: 'ERROR',
      error: expect.stringMatching(/^The module deleted its own files/),
    })
  })

  it('keeps every log within its limit', async () => {
    const logs = join(place, 'home', 'install-logs')
    const sizes = await Promise.all(
      (await readdir(logs)).map(async (name) => (await readFile(join(logs, name))).length),
    )
    expect(Math.max(...sizes)).toBeLessThan(8 * 1024 * 1024)
  })
})
