import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fixtures, until } from '../../fixtures/run-fixture.ts'
import { useCatalogue } from '../../fixtures/use-catalogue.ts'

const { here, open, add, edit, module, status, settled, names } = useCatalogue()

describe('a sound module', () => {
  it('goes from DETECTED to AVAILABLE and runs from a copy', async () => {
    await add('misbehave')
    await here.catalogue.scan()
    const found = await settled('misbehave')
    expect(here.moves).toEqual(
      ['DETECTED', 'INSTALLING', 'TESTING', 'AVAILABLE'].map((move) => `misbehave ${move}`),
    )
    expect(found).toMatchObject({
      version: '1.0.0',
      error: null,
      path: join(here.place, 'modules', 'misbehave'),
      healthCheck: { passed: true },
      manifest: { name: 'misbehave' },
    })
    const [runnable] = here.catalogue.available()
    expect(runnable).toMatchObject({ name: 'misbehave', digest: found.digest, python: found.pythonExec })
    expect(runnable?.folder).toBe(
      join(here.place, 'home', 'modules', `misbehave-${found.digest.slice(0, 12)}`),
    )
    expect(here.catalogue.find('misbehave', '1.0.0', found.digest)).toBe(runnable)
    expect(await readdir(join(here.place, 'home', 'tests'))).toEqual([])
    const log = await readFile(
      join(here.place, 'home', 'install-logs', `misbehave-${found.digest.slice(0, 12)}.ndjson`),
      'utf8',
    )
    expect(
      log
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(here.lines.get('misbehave'))
    expect(here.lines.get('misbehave')?.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('is available immediately after a restart, without a test', async () => {
    await add('misbehave')
    await here.catalogue.scan()
    await settled('misbehave')
    await here.catalogue.close()
    open()
    const startedAt = performance.now()
    await here.catalogue.scan()
    expect(performance.now() - startedAt).toBeLessThan(300)
    expect([status('misbehave'), here.lines.size, names()]).toEqual(['AVAILABLE', 0, ['misbehave']])
  })

  it('is tested again after its interpreter changed', async () => {
    await add('misbehave')
    await here.catalogue.scan()
    await settled('misbehave')
    await here.catalogue.close()
    const file = join(here.place, 'home', 'catalogue.json')
    const memory = JSON.parse(await readFile(file, 'utf8'))
    memory.folders.misbehave.good[0].outcome.interpreter.stamp = 'another'
    await writeFile(file, JSON.stringify(memory))
    open()
    await here.catalogue.scan()
    expect(status('misbehave')).not.toBe('AVAILABLE')
    await settled('misbehave')
    expect(here.lines.get('misbehave')?.at(0)?.n).toBe(7)
  })

  it('keeps serving until a changed version passes, and can still be found afterwards', async () => {
    await add('misbehave')
    await here.catalogue.scan()
    const before = await settled('misbehave')
    await edit(
      'misbehave/main.py',
      `${await readFile(join(fixtures, 'misbehave/main.py'), 'utf8')}\n# changed\n`,
    )
    await here.catalogue.scan()
    expect(here.catalogue.available().map((one) => one.digest)).toEqual([before.digest])
    const after = await until(() => status('misbehave') === 'AVAILABLE' && module('misbehave'))
    expect(after.digest).not.toBe(before.digest)
    expect(here.catalogue.available().map((one) => one.digest)).toEqual([after.digest])
    expect(here.catalogue.find('misbehave', '1.0.0', before.digest)?.digest).toBe(before.digest)
  })

  it('keeps serving when a change breaks it, even after a restart, and shows both', async () => {
    await add('misbehave')
    await here.catalogue.scan()
    const before = await settled('misbehave')
    await edit('misbehave/main.py', 'raise SystemExit(1)\n')
    await here.catalogue.scan()
    await until(() => status('misbehave') === 'ERROR')
    const shown = () =>
      here.catalogue.inventory().map(({ digest, status }) => [digest === before.digest, status])
    expect(shown()).toEqual([
      [false, 'ERROR'],
      [true, 'AVAILABLE'],
    ])
    expect(here.catalogue.available().map((one) => one.digest)).toEqual([before.digest])
    await here.catalogue.close()
    open()
    await here.catalogue.scan()
    expect(shown()).toEqual([
      [false, 'ERROR'],
      [true, 'AVAILABLE'],
    ])
    expect(here.catalogue.available().map((one) => one.digest)).toEqual([before.digest])
  })

  it('is found, changed and forgotten without a scan', async () => {
    await here.catalogue.scan()
    await add('misbehave')
    const before = await settled('misbehave')
    await edit('misbehave/notes.txt', 'another file')
    await until(() => status('misbehave') === 'AVAILABLE' && module('misbehave')?.digest !== before.digest)
    await rm(join(here.place, 'modules', 'misbehave'), { recursive: true })
    await until(() => here.catalogue.inventory().length === 0)
  })

  it('may have several versions in the folder', async () => {
    await add('misbehave')
    await add('misbehave', 'misbehave-2')
    const manifest = await readFile(join(fixtures, 'misbehave/module.json'), 'utf8')
    await edit('misbehave-2/module.json', manifest.replace('1.0.0', '2.0.0'))
    await here.catalogue.scan()
    await until(() => here.catalogue.inventory().every((one) => one.status === 'AVAILABLE'), 30_000)
    expect(here.catalogue.inventory().map(({ name, version }) => `${name}@${version}`)).toEqual([
      'misbehave@1.0.0',
      'misbehave@2.0.0',
    ])
    here.catalogue.setEnabled({ misbehave: 'disabled' })
    expect(names()).toEqual([])
  })

  it('disappears with its folder', async () => {
    await add('misbehave')
    await here.catalogue.scan()
    await settled('misbehave')
    await rm(join(here.place, 'modules', 'misbehave'), { recursive: true })
    await here.catalogue.scan()
    expect([here.catalogue.inventory(), names()]).toEqual([[], []])
  })

  it('is tested again on request', async () => {
    await add('misbehave')
    await here.catalogue.scan()
    const before = await settled('misbehave')
    here.catalogue.test('misbehave')
    await until(() => here.moves.length > 4 && status('misbehave') === 'AVAILABLE')
    expect(here.moves.slice(4)).toEqual(['misbehave TESTING', 'misbehave AVAILABLE'])
    expect(module('misbehave')?.healthCheck).not.toEqual(before.healthCheck)
  })

  it('that no longer passes is replaced by its previous contents', async () => {
    await add('misbehave')
    await here.catalogue.scan()
    const first = await settled('misbehave')
    const library = join(here.place, 'library')
    await writeFile(library, '')
    const code = await readFile(join(fixtures, 'misbehave/main.py'), 'utf8')
    await edit('misbehave/main.py', `open(${JSON.stringify(library)})\n${code}`)
    const second = await until(() => module('misbehave')?.digest !== first.digest && settled('misbehave'))
    expect(here.catalogue.available().map((one) => one.digest)).toEqual([second.digest])

    await rm(library)
    here.catalogue.test('misbehave')
    await until(() => status('misbehave') === 'ERROR')
    expect(module('misbehave')?.error).toMatch(/No such file or directory.*library/s)
    expect(here.catalogue.available().map((one) => one.digest)).toEqual([first.digest])
  })

  it('may be disabled, also across a restart', async () => {
    await add('misbehave')
    await here.catalogue.scan()
    await settled('misbehave')
    here.catalogue.setEnabled({ misbehave: 'disabled' })
    expect([status('misbehave'), names()]).toEqual(['DISABLED', []])
    await here.catalogue.close()
    open()
    await here.catalogue.scan()
    expect([status('misbehave'), names()]).toEqual(['DISABLED', []])
    here.catalogue.setEnabled({ misbehave: 'enabled' })
    expect([status('misbehave'), names()]).toEqual(['AVAILABLE', ['misbehave']])
  })

  it('is installed once its folder stops changing', async () => {
    await here.catalogue.close()
    open({ quietMs: 500 })
    await add('misbehave')
    await here.catalogue.scan()
    expect(here.catalogue.inventory()).toEqual([])
    await settled('misbehave')
    expect(names()).toEqual(['misbehave'])
  })

  it('is not found in a folder without module.json', async () => {
    await add('misbehave', '_draft')
    await add('misbehave', '.hidden')
    await mkdir(join(here.place, 'modules', 'notes'))
    await edit('README.md', 'text')
    await here.catalogue.scan()
    expect(here.catalogue.inventory()).toEqual([])
  })
})

describe('a module in ERROR', () => {
  it('is installed again only on a retry, a scan, or a change', async () => {
    await add('test-fails')
    await here.catalogue.scan()
    await settled('test-fails')
    await here.catalogue.close()
    open()
    await here.catalogue.scan()
    expect([status('test-fails'), here.lines.size]).toEqual(['ERROR', 0])
    const tests = () => here.moves.filter((move) => move === 'test-fails TESTING').length
    const again = async (ask: () => void | Promise<void>) => {
      const before = tests()
      await ask()
      await until(() => tests() > before && status('test-fails') === 'ERROR')
    }
    await again(() => here.catalogue.retry('test-fails'))
    await again(() => here.catalogue.scan())
    await edit('test-fails/main.py', 'raise SystemExit(2)\n')
    await again(() => here.catalogue.scan())
    await edit('test-fails/main.py', 'print(\'{"status":"success","outputs":{"answer":"ok"}}\')\n')
    await here.catalogue.scan()
    await until(() => status('test-fails') === 'AVAILABLE')
  })

  it('with a duplicate name does not replace the first', async () => {
    await add('misbehave')
    await add('misbehave', 'zz-copy')
    await here.catalogue.scan()
    await settled('misbehave')
    expect(here.catalogue.inventory().map(({ name, status, error }) => [name, status, error])).toEqual([
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
    await here.catalogue.scan()
    for (const name of ['a-long-list', 'needs-six', 'z-needs-nothing']) await settled(name)
    expect(
      here.moves.filter((move) => /AVAILABLE|ERROR/.test(move)).map((move) => move.split(' ')[0]),
    ).toEqual(['z-needs-nothing', 'needs-six', 'a-long-list'])
  })

  it('installs only the modules that the owner names, and keeps the records of the others', async () => {
    await add('setup-works')
    await add('setup-works', 'other')
    const manifest = await readFile(join(here.place, 'modules/other/module.json'), 'utf8')
    await edit('other/module.json', manifest.replace('setup-works', 'other'))
    await here.catalogue.scan()
    await settled('other')
    await here.catalogue.close()
    open({ only: ['setup-works'] })
    await here.catalogue.scan()
    await settled('setup-works')
    expect(here.catalogue.inventory().map(({ name }) => name)).toEqual(['setup-works'])
    await here.catalogue.close()
    open()
    await here.catalogue.scan()
    expect(module('other')).toMatchObject({ status: 'AVAILABLE' })
    expect(here.moves).toContain('other AVAILABLE')
    expect(here.moves).not.toContain('other INSTALLING')
  })
})
