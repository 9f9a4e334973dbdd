import { readdirSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { until } from '../../fixtures/run-fixture.ts'
import { useCatalogue } from '../../fixtures/use-catalogue.ts'

const { here, open, add, edit, module, status, settled, names } = useCatalogue()

describe('installing', () => {
  it('builds one environment for equal requirements, runs set-up, and reports requirements that cannot be met', {
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
    await here.catalogue.scan()
    for (const name of ['needs-six', 'needs-six-too', 'needs-unknown-package', 'setup-works'])
      await settled(name)
    expect(names().sort()).toEqual(['needs-six', 'needs-six-too', 'setup-works'])
    expect(module('needs-unknown-package')?.error).toMatch(
      /^The requirements cannot be installed: .*millrace-there-is-no-such-package/s,
    )
    const pythons = ['needs-six', 'needs-six-too', 'setup-works'].map((name) => module(name)?.pythonExec)
    expect(pythons[1]).toBe(pythons[0])
    // One environment with six and an empty one; the failed build left nothing.
    const envs = (await readdir(join(here.place, 'home', 'envs'))).map((env) =>
      join(here.place, 'home', 'envs', env, 'bin', 'python'),
    )
    expect(envs.sort()).toEqual([...new Set(pythons)].sort())
    expect(
      here.lines
        .get('needs-six')
        ?.map(({ line }) => line)
        .join('\n'),
    ).toMatch(/\+ six==1\.17\.0.*"answer": "1\.17\.0"/s)
  })

  it('rebuilds a lost environment with the same versions', { timeout: 120_000 }, async () => {
    await add('needs-six')
    await edit('needs-six/requirements.txt', 'six\n')
    await here.catalogue.scan()
    await settled('needs-six')
    await here.catalogue.close()
    const [lock = ''] = await readdir(join(here.place, 'home', 'locks'))
    const file = join(here.place, 'home', 'locks', lock)
    expect(await readFile(file, 'utf8')).toMatch(/^six==1\.\d+\.\d+\n$/)
    await writeFile(file, 'six==1.16.0\n')
    await rm(join(here.place, 'home', 'envs'), { recursive: true })
    open()
    await here.catalogue.scan()
    await settled('needs-six')
    expect(here.lines.get('needs-six')?.find(({ line }) => line.includes('"answer"'))?.line).toContain(
      '1.16.0',
    )

    await writeFile(file, 'six==0.0.0.no.such.version\n')
    await here.catalogue.close()
    await rm(join(here.place, 'home', 'envs'), { recursive: true })
    open()
    await here.catalogue.scan()
    expect((await settled('needs-six')).status).toBe('AVAILABLE')
  })

  it('prunes all unused environments when the disk is nearly full', {
    timeout: 180_000,
  }, async () => {
    await here.catalogue.close()
    let used = ''
    const keeping = { unusedDays: 7, minFreeBytes: Number.MAX_SAFE_INTEGER }
    open({ keeping, isInUse: (one) => one.digest === used })
    await add('needs-six')
    const digests: string[] = []
    for (const version of ['1.17.0', '1.16.0', '1.15.0', '1.14.0']) {
      await edit('needs-six/requirements.txt', `six==${version}\n`)
      await here.catalogue.scan()
      await until(() => {
        const [now] = here.catalogue.available()
        return (
          status('needs-six') === 'AVAILABLE' &&
          now &&
          !digests.includes(now.digest) &&
          digests.push(now.digest)
        )
      }, 60_000)
      used ||= digests[0] ?? ''
    }
    here.signals.diskSpaceChanged.emit({ isLow: true })
    await until(() => readdirSync(join(here.place, 'home', 'envs')).length === 3, 30_000)
    const copies = await readdir(join(here.place, 'home', 'modules'))
    const [inUse = '', gone = '', before = '', newest = ''] = digests
    expect(copies.sort()).toEqual(
      [inUse, before, newest].map((one) => `needs-six-${one.slice(0, 12)}`).sort(),
    )
    const found = (digest: string) => here.catalogue.find('needs-six', '1.0.0', digest) !== null
    expect([inUse, gone, before, newest].map(found)).toEqual([true, false, true, true])
  })

  it('builds from source only where the manifest allows it', { timeout: 120_000 }, async () => {
    for (const allowed of [false, true]) {
      const name = allowed ? 'may-build' : 'may-not-build'
      await add('needs-six', name)
      await mkdir(join(here.place, 'modules', name, 'source'))
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
    await here.catalogue.scan()
    expect((await settled('may-not-build')).error).toMatch(/cannot be installed: .*(build|binary|wheel)/is)
    expect((await settled('may-build')).error).toBeNull()
  })

  it.each([
    ['MILLRACE_PYTHON', 'is not a working Python: correct or unset it'],
    ['MILLRACE_UV', 'is not a program: correct it, unset it'],
  ])('uses no program other than the one in %s', { timeout: 120_000 }, async (name, reason) => {
    await here.catalogue.close()
    open({ own: { ...process.env, [name]: '/nowhere/program' } })
    await add('needs-six')
    await here.catalogue.scan()
    expect((await settled('needs-six')).error).toContain(`${name}=/nowhere/program ${reason}`)
  })

  it('uses pip where uv is not available', { timeout: 120_000 }, async () => {
    await here.catalogue.close()
    open({ own: { ...process.env, MILLRACE_UV: 'none' } })
    await add('needs-six')
    await add('needs-unknown-package')
    await here.catalogue.scan()
    expect(await settled('needs-six')).toMatchObject({ status: 'AVAILABLE', error: null })
    expect(here.lines.get('needs-six')?.filter(({ line }) => line.includes(' -m venv '))).toHaveLength(1)
    expect((await settled('needs-unknown-package')).error).toMatch(
      /cannot be installed: .*millrace-there-is-no-such-package/s,
    )
  })

  it('is cancelled when the agent closes, and starts again with the next agent', async () => {
    await add('test-hangs')
    await edit('test-hangs/module.json', '{"name":"test-hangs","version":"1.0.0","test_timeout_seconds":600}')
    await here.catalogue.scan()
    await until(() => status('test-hangs') === 'TESTING')
    await here.catalogue.close()
    expect(status('test-hangs')).toBe('DETECTED')
    open()
    await here.catalogue.scan()
    await until(() => status('test-hangs') === 'TESTING')
  })

  it('is cancelled when the module is disabled meanwhile', async () => {
    await add('test-hangs')
    await edit('test-hangs/module.json', '{"name":"test-hangs","version":"1.0.0","test_timeout_seconds":600}')
    await here.catalogue.scan()
    await until(() => status('test-hangs') === 'TESTING')
    here.catalogue.setEnabled({ 'test-hangs': 'disabled' })
    expect(status('test-hangs')).toBe('DISABLED')
    here.catalogue.setEnabled({ 'test-hangs': 'enabled' })
    await until(() => here.moves.filter((move) => move.endsWith('INSTALLING')).length === 2)
  })
})
