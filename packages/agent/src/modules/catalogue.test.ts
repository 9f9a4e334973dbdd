import { readdirSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogLine } from '@millrace/shared/for-agents'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fixtures, until } from '../../fixtures/run-fixture.ts'
import { startWatchdog, type Watchdog } from '../process/watchdog.ts'
import { type Catalogue, type CatalogueOptions, openCatalogue } from './catalogue.ts'

let watchdog: Watchdog
let place: string
let catalogue: Catalogue
let lines: Map<string, LogLine[]>
let moves: string[]
beforeAll(() => {
  watchdog = startWatchdog()
})
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'millrace-catalogue-'))
  await mkdir(join(place, 'modules'))
  open()
})
afterEach(async () => {
  await catalogue.close()
  await rm(place, { recursive: true })
})
afterAll(() => watchdog.close())

function open(options: Partial<CatalogueOptions> = {}) {
  lines = new Map()
  moves = []
  const seen = new Map<string, string>()
  catalogue = openCatalogue({
    modulesDir: join(place, 'modules'),
    home: join(place, 'home'),
    own: process.env,
    watchdog,
    logger: {
      info: () => undefined,
      warn: () => undefined,
      error: (detail, text) => console.error(text, detail),
    },
    onChange() {
      for (const { name, status } of catalogue.inventory()) {
        if (seen.get(name) === status) continue
        seen.set(name, status)
        moves.push(`${name} ${status}`)
      }
    },
    onInstallLines: (module, _, more) => lines.set(module, [...(lines.get(module) ?? []), ...more]),
    quietMs: 0,
    graceMs: 300,
    ...options,
  })
}

const add = (fixture: string, as = fixture) =>
  cp(join(fixtures, fixture), join(place, 'modules', as), { recursive: true, verbatimSymlinks: true })
const edit = (file: string, text: string) => writeFile(join(place, 'modules', file), text)
const module = (name: string) => catalogue.inventory().find((one) => one.name === name)
const status = (name: string) => module(name)?.status
const settled = (name: string) =>
  until(() => ['AVAILABLE', 'ERROR', 'DISABLED'].includes(status(name) ?? '') && module(name), 60_000)
const names = () => catalogue.available().map((one) => one.name)

describe('a sound module', () => {
  it('goes from DETECTED to AVAILABLE, and runs from a copy', async () => {
    await add('misbehave')
    await catalogue.scan()
    const found = await settled('misbehave')
    expect(moves).toEqual(
      ['DETECTED', 'INSTALLING', 'TESTING', 'AVAILABLE'].map((move) => `misbehave ${move}`),
    )
    expect(found).toMatchObject({
      version: '1.0.0',
      error: null,
      path: join(place, 'modules', 'misbehave'),
      healthCheck: { passed: true },
      manifest: { name: 'misbehave' },
    })
    const [runnable] = catalogue.available()
    expect(runnable).toMatchObject({ name: 'misbehave', digest: found.digest, python: found.pythonExec })
    expect(runnable?.folder).toBe(join(place, 'home', 'modules', `misbehave-${found.digest.slice(0, 12)}`))
    expect(catalogue.find('misbehave', '1.0.0', found.digest)).toBe(runnable)
    expect(await readdir(join(place, 'home', 'tests'))).toEqual([])
    const log = await readFile(
      join(place, 'home', 'install-logs', `misbehave-${found.digest.slice(0, 12)}.ndjson`),
      'utf8',
    )
    expect(
      log
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(lines.get('misbehave'))
    expect(lines.get('misbehave')?.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('is available at once after a restart, without a test', async () => {
    await add('misbehave')
    await catalogue.scan()
    await settled('misbehave')
    await catalogue.close()
    open()
    const startedAt = performance.now()
    await catalogue.scan()
    expect(performance.now() - startedAt).toBeLessThan(300)
    expect([status('misbehave'), lines.size, names()]).toEqual(['AVAILABLE', 0, ['misbehave']])
  })

  it('is tested anew after its interpreter changed', async () => {
    await add('misbehave')
    await catalogue.scan()
    await settled('misbehave')
    await catalogue.close()
    const file = join(place, 'home', 'catalogue.json')
    const memory = JSON.parse(await readFile(file, 'utf8'))
    memory.folders.misbehave.good[0].outcome.interpreter.stamp = 'another'
    await writeFile(file, JSON.stringify(memory))
    open()
    await catalogue.scan()
    expect(status('misbehave')).not.toBe('AVAILABLE')
    await settled('misbehave')
    expect(lines.get('misbehave')?.at(0)?.n).toBe(7)
  })

  it('keeps serving until a changed version has passed, and stays findable', async () => {
    await add('misbehave')
    await catalogue.scan()
    const before = await settled('misbehave')
    await edit(
      'misbehave/main.py',
      `${await readFile(join(fixtures, 'misbehave/main.py'), 'utf8')}\n# changed\n`,
    )
    await catalogue.scan()
    expect(catalogue.available().map((one) => one.digest)).toEqual([before.digest])
    const after = await until(() => status('misbehave') === 'AVAILABLE' && module('misbehave'))
    expect(after.digest).not.toBe(before.digest)
    expect(catalogue.available().map((one) => one.digest)).toEqual([after.digest])
    expect(catalogue.find('misbehave', '1.0.0', before.digest)?.digest).toBe(before.digest)
  })

  it('goes on serving when a change breaks it, also after a restart, and shows both', async () => {
    await add('misbehave')
    await catalogue.scan()
    const before = await settled('misbehave')
    await edit('misbehave/main.py', 'raise SystemExit(1)\n')
    await catalogue.scan()
    await until(() => status('misbehave') === 'ERROR')
    const shown = () => catalogue.inventory().map(({ digest, status }) => [digest === before.digest, status])
    expect(shown()).toEqual([
      [false, 'ERROR'],
      [true, 'AVAILABLE'],
    ])
    expect(catalogue.available().map((one) => one.digest)).toEqual([before.digest])
    await catalogue.close()
    open()
    await catalogue.scan()
    expect(shown()).toEqual([
      [false, 'ERROR'],
      [true, 'AVAILABLE'],
    ])
    expect(catalogue.available().map((one) => one.digest)).toEqual([before.digest])
  })

  it('is found, changed and forgotten without a scan', async () => {
    await catalogue.scan()
    await add('misbehave')
    const before = await settled('misbehave')
    await edit('misbehave/notes.txt', 'another file')
    await until(() => status('misbehave') === 'AVAILABLE' && module('misbehave')?.digest !== before.digest)
    await rm(join(place, 'modules', 'misbehave'), { recursive: true })
    await until(() => catalogue.inventory().length === 0)
  })

  it('may lie there in several versions', async () => {
    await add('misbehave')
    await add('misbehave', 'misbehave-2')
    const manifest = await readFile(join(fixtures, 'misbehave/module.json'), 'utf8')
    await edit('misbehave-2/module.json', manifest.replace('1.0.0', '2.0.0'))
    await catalogue.scan()
    await until(() => catalogue.inventory().every((one) => one.status === 'AVAILABLE'), 30_000)
    expect(catalogue.inventory().map(({ name, version }) => `${name}@${version}`)).toEqual([
      'misbehave@1.0.0',
      'misbehave@2.0.0',
    ])
    catalogue.setEnabled({ misbehave: 'disabled' })
    expect(names()).toEqual([])
  })

  it('disappears with its folder', async () => {
    await add('misbehave')
    await catalogue.scan()
    await settled('misbehave')
    await rm(join(place, 'modules', 'misbehave'), { recursive: true })
    await catalogue.scan()
    expect([catalogue.inventory(), names()]).toEqual([[], []])
  })

  it('is tested again on request', async () => {
    await add('misbehave')
    await catalogue.scan()
    const before = await settled('misbehave')
    catalogue.test('misbehave')
    await until(() => moves.length > 4 && status('misbehave') === 'AVAILABLE')
    expect(moves.slice(4)).toEqual(['misbehave TESTING', 'misbehave AVAILABLE'])
    expect(module('misbehave')?.healthCheck).not.toEqual(before.healthCheck)
  })

  it('that does not pass any more hands over to the contents before it', async () => {
    await add('misbehave')
    await catalogue.scan()
    const first = await settled('misbehave')
    const library = join(place, 'library')
    await writeFile(library, '')
    const code = await readFile(join(fixtures, 'misbehave/main.py'), 'utf8')
    await edit('misbehave/main.py', `open(${JSON.stringify(library)})\n${code}`)
    const second = await until(() => module('misbehave')?.digest !== first.digest && settled('misbehave'))
    expect(catalogue.available().map((one) => one.digest)).toEqual([second.digest])

    await rm(library)
    catalogue.test('misbehave')
    await until(() => status('misbehave') === 'ERROR')
    expect(module('misbehave')?.error).toMatch(/No such file or directory.*library/s)
    expect(catalogue.available().map((one) => one.digest)).toEqual([first.digest])
  })

  it('may be disabled, also across a restart', async () => {
    await add('misbehave')
    await catalogue.scan()
    await settled('misbehave')
    catalogue.setEnabled({ misbehave: 'disabled' })
    expect([status('misbehave'), names()]).toEqual(['DISABLED', []])
    await catalogue.close()
    open()
    await catalogue.scan()
    expect([status('misbehave'), names()]).toEqual(['DISABLED', []])
    catalogue.setEnabled({ misbehave: 'enabled' })
    expect([status('misbehave'), names()]).toEqual(['AVAILABLE', ['misbehave']])
  })

  it('waits until its folder is quiet', async () => {
    await catalogue.close()
    open({ quietMs: 500 })
    await add('misbehave')
    await catalogue.scan()
    expect(catalogue.inventory()).toEqual([])
    await settled('misbehave')
    expect(names()).toEqual(['misbehave'])
  })

  it('ignores folders that are no modules', async () => {
    await add('misbehave', '_draft')
    await add('misbehave', '.hidden')
    await mkdir(join(place, 'modules', 'notes'))
    await edit('README.md', 'text')
    await catalogue.scan()
    expect(catalogue.inventory()).toEqual([])
  })
})

describe('a module in ERROR', () => {
  it('is not tried again by itself, but by a retry, a scan, or a change', async () => {
    await add('test-fails')
    await catalogue.scan()
    await settled('test-fails')
    await catalogue.close()
    open()
    await catalogue.scan()
    expect([status('test-fails'), lines.size]).toEqual(['ERROR', 0])
    const tests = () => moves.filter((move) => move === 'test-fails TESTING').length
    const again = async (ask: () => void | Promise<void>) => {
      const before = tests()
      await ask()
      await until(() => tests() > before && status('test-fails') === 'ERROR')
    }
    await again(() => catalogue.retry('test-fails'))
    await again(() => catalogue.scan())
    await edit('test-fails/main.py', 'raise SystemExit(2)\n')
    await again(() => catalogue.scan())
    await edit('test-fails/main.py', 'print(\'{"status":"success","outputs":{"answer":"ok"}}\')\n')
    await catalogue.scan()
    await until(() => status('test-fails') === 'AVAILABLE')
  })

  it('of a duplicate name keeps the first', async () => {
    await add('misbehave')
    await add('misbehave', 'zz-copy')
    await catalogue.scan()
    await settled('misbehave')
    expect(catalogue.inventory().map(({ name, status, error }) => [name, status, error])).toEqual([
      ['misbehave', 'AVAILABLE', null],
      [
        'zz-copy',
        'ERROR',
        'misbehave@1.0.0 is already in the folder misbehave: give one of them another version or name',
      ],
    ])
  })
})

describe('which modules, in which order', () => {
  it('installs those with the fewest requirements first', { timeout: 120_000 }, async () => {
    await add('needs-six', 'a-long-list')
    await edit('a-long-list/module.json', '{"name":"a-long-list","version":"1.0.0","outputs":[]}')
    await edit('a-long-list/requirements.txt', `${'# a comment\n'.repeat(20)}six==1.17.0\n`)
    await add('needs-six')
    await add('setup-works', 'z-needs-nothing')
    await edit('z-needs-nothing/module.json', '{"name":"z-needs-nothing","version":"1.0.0","outputs":[]}')
    await catalogue.scan()
    for (const name of ['a-long-list', 'needs-six', 'z-needs-nothing']) await settled(name)
    expect(moves.filter((move) => /AVAILABLE|ERROR/.test(move)).map((move) => move.split(' ')[0])).toEqual([
      'z-needs-nothing',
      'needs-six',
      'a-long-list',
    ])
  })

  it('takes only those that its owner names, and keeps what it knows of the others', async () => {
    await add('setup-works')
    await add('setup-works', 'other')
    const manifest = await readFile(join(place, 'modules/other/module.json'), 'utf8')
    await edit('other/module.json', manifest.replace('setup-works', 'other'))
    await catalogue.scan()
    await settled('other')
    await catalogue.close()
    open({ only: ['setup-works'] })
    await catalogue.scan()
    await settled('setup-works')
    expect(catalogue.inventory().map(({ name }) => name)).toEqual(['setup-works'])
    await catalogue.close()
    open()
    await catalogue.scan()
    expect(module('other')).toMatchObject({ status: 'AVAILABLE' })
    expect(moves).toContain('other AVAILABLE')
    expect(moves).not.toContain('other INSTALLING')
  })
})

describe('installing', () => {
  it('makes one environment for equal requirements, sets up, and says what cannot be had', {
    timeout: 180_000,
  }, async () => {
    await add('needs-six')
    await add('needs-six', 'needs-six-too')
    await edit(
      'needs-six-too/module.json',
      '{"name":"needs-six-too","version":"2.0.0","outputs":[{"key":"answer","type":"text"}]}',
    )
    await add('needs-unknown-package')
    await add('setup-works')
    await catalogue.scan()
    for (const name of ['needs-six', 'needs-six-too', 'needs-unknown-package', 'setup-works'])
      await settled(name)
    expect(names().sort()).toEqual(['needs-six', 'needs-six-too', 'setup-works'])
    expect(module('needs-unknown-package')?.error).toMatch(
      /^The requirements cannot be installed: .*millrace-there-is-no-such-package/s,
    )
    const pythons = ['needs-six', 'needs-six-too', 'setup-works'].map((name) => module(name)?.pythonExec)
    expect(pythons[1]).toBe(pythons[0])
    // One with six and one without anything; nothing is left of the one that could not be built.
    const envs = (await readdir(join(place, 'home', 'envs'))).map((env) =>
      join(place, 'home', 'envs', env, 'bin', 'python'),
    )
    expect(envs.sort()).toEqual([...new Set(pythons)].sort())
    expect(
      lines
        .get('needs-six')
        ?.map(({ line }) => line)
        .join('\n'),
    ).toMatch(/\+ six==1\.17\.0.*"answer": "1\.17\.0"/s)
  })

  it('makes an environment that was lost again with the same versions', { timeout: 120_000 }, async () => {
    await add('needs-six')
    await edit('needs-six/requirements.txt', 'six\n')
    await catalogue.scan()
    await settled('needs-six')
    await catalogue.close()
    const [lock = ''] = await readdir(join(place, 'home', 'locks'))
    const file = join(place, 'home', 'locks', lock)
    expect(await readFile(file, 'utf8')).toMatch(/^six==1\.\d+\.\d+\n$/)
    await writeFile(file, 'six==1.16.0\n')
    await rm(join(place, 'home', 'envs'), { recursive: true })
    open()
    await catalogue.scan()
    await settled('needs-six')
    expect(lines.get('needs-six')?.find(({ line }) => line.includes('"answer"'))?.line).toContain('1.16.0')

    await writeFile(file, 'six==0.0.0.no.such.version\n')
    await catalogue.close()
    await rm(join(place, 'home', 'envs'), { recursive: true })
    open()
    await catalogue.scan()
    expect((await settled('needs-six')).status).toBe('AVAILABLE')
  })

  it('leaves no old environments behind when the disk is nearly full, but those in use', {
    timeout: 180_000,
  }, async () => {
    await catalogue.close()
    let used = ''
    const keeping = { unusedDays: 7, minFreeBytes: Number.MAX_SAFE_INTEGER }
    open({ keeping, isInUse: (one) => one.digest === used })
    await add('needs-six')
    const digests: string[] = []
    for (const version of ['1.17.0', '1.16.0', '1.15.0', '1.14.0']) {
      await edit('needs-six/requirements.txt', `six==${version}\n`)
      await catalogue.scan()
      await until(() => {
        const [now] = catalogue.available()
        return (
          status('needs-six') === 'AVAILABLE' &&
          now &&
          !digests.includes(now.digest) &&
          digests.push(now.digest)
        )
      }, 60_000)
      used ||= digests[0] ?? ''
    }
    catalogue.sweep()
    await until(() => readdirSync(join(place, 'home', 'envs')).length === 3, 30_000)
    const copies = await readdir(join(place, 'home', 'modules'))
    const [inUse = '', gone = '', before = '', newest = ''] = digests
    expect(copies.sort()).toEqual(
      [inUse, before, newest].map((one) => `needs-six-${one.slice(0, 12)}`).sort(),
    )
    const found = (digest: string) => catalogue.find('needs-six', '1.0.0', digest) !== null
    expect([inUse, gone, before, newest].map(found)).toEqual([true, false, true, true])
  })

  it('builds from source only where the manifest allows it', { timeout: 120_000 }, async () => {
    for (const allowed of [false, true]) {
      const name = allowed ? 'may-build' : 'may-not-build'
      await add('needs-six', name)
      await mkdir(join(place, 'modules', name, 'source'))
      await edit(
        `${name}/source/setup.py`,
        'from setuptools import setup\nsetup(name="ours", version="1.0.0", py_modules=["six"])\n',
      )
      await edit(`${name}/source/six.py`, '__version__ = "built"\n')
      await edit(`${name}/requirements.txt`, './source\n')
      const outputs = [{ key: 'answer', type: 'text' }]
      await edit(
        `${name}/module.json`,
        JSON.stringify({ name, version: '1.0.0', outputs, allow_builds: allowed }),
      )
    }
    await catalogue.scan()
    expect((await settled('may-not-build')).error).toMatch(/cannot be installed: .*(build|binary|wheel)/is)
    expect((await settled('may-build')).error).toBeNull()
  })

  it.each([
    ['MILLRACE_PYTHON', 'is no Python that starts: correct it, or unset it'],
    ['MILLRACE_UV', 'is no program: correct it, unset it'],
  ])(
    'is not tried with another program than the one that %s names',
    { timeout: 120_000 },
    async (name, reason) => {
      await catalogue.close()
      open({ own: { ...process.env, [name]: '/nowhere/program' } })
      await add('needs-six')
      await catalogue.scan()
      expect((await settled('needs-six')).error).toContain(`${name}=/nowhere/program ${reason}`)
    },
  )

  it('does without uv where there is none', { timeout: 120_000 }, async () => {
    await catalogue.close()
    open({ own: { ...process.env, MILLRACE_UV: 'none' } })
    await add('needs-six')
    await add('needs-unknown-package')
    await catalogue.scan()
    expect(await settled('needs-six')).toMatchObject({ status: 'AVAILABLE', error: null })
    expect(lines.get('needs-six')?.filter(({ line }) => line.includes(' -m venv '))).toHaveLength(1)
    expect((await settled('needs-unknown-package')).error).toMatch(
      /cannot be installed: .*millrace-there-is-no-such-package/s,
    )
  })

  it('is called off when the agent closes, and begins anew with the next', async () => {
    await add('test-hangs')
    await edit('test-hangs/module.json', '{"name":"test-hangs","version":"1.0.0","test_timeout_seconds":600}')
    await catalogue.scan()
    await until(() => status('test-hangs') === 'TESTING')
    await catalogue.close()
    expect(status('test-hangs')).toBe('DETECTED')
    open()
    await catalogue.scan()
    await until(() => status('test-hangs') === 'TESTING')
  })

  it('is called off when the module is disabled meanwhile', async () => {
    await add('test-hangs')
    await edit('test-hangs/module.json', '{"name":"test-hangs","version":"1.0.0","test_timeout_seconds":600}')
    await catalogue.scan()
    await until(() => status('test-hangs') === 'TESTING')
    catalogue.setEnabled({ 'test-hangs': 'disabled' })
    expect(status('test-hangs')).toBe('DISABLED')
    catalogue.setEnabled({ 'test-hangs': 'enabled' })
    await until(() => moves.filter((move) => move.endsWith('INSTALLING')).length === 2)
  })
})
