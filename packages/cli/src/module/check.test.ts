import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { processesWith } from '../../../../test/support/processes-of.ts'
import { until } from '../../../../test/support/until.ts'
import { millrace, startMillrace, steady, write } from '../../fixtures/millrace.ts'
import { good, manifest, program, testData } from '../../fixtures/modules.ts'

let place: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'millrace-check-'))
})
afterEach(() => rm(place, { recursive: true }))

describe('a good module', () => {
  test('is reported step by step, with its outputs; only unknown keys cause a warning', async () => {
    await write(join(place, 'm'), {
      'module.json': { ...manifest, author: 'me' },
      'main.py': good.replace('file="out.txt"', 'file="out.txt", extra=1'),
      'test_data.json': testData,
    })
    const { code, out, err } = await millrace(place, 'module', 'check', 'm')
    expect(steady(out).replaceAll('  peak memory # MiB', '').split('\n')).toEqual([
      '✓ manifest # s  m 1.0.0',
      '  warning module.json: "author" is not known and has no effect',
      '✓ environment # s  Python #, nothing to install',
      '✓ test # s',
      '✓ run # s',
      '  warning "extra" is not a declared output; it is left out',
      '',
      '  echo  "hi"',
      '  file  out.txt (2 bytes, text/plain)',
      '',
      'm 1.0.0 is good.',
      'Environments are kept in cache/checks for the next check.',
      '',
    ])
    expect({ code, err }).toEqual({ code: 0, err: '' })
  })

  test('runs on given inputs, as their types; its outputs are kept', async () => {
    await write(join(place, 'm'), {
      'module.json': manifest,
      'main.py': good,
      'test_data.json': testData,
    })
    await write(place, { 'a.txt': 'page a', 'b.txt': 'page b', 'text.txt': 'from a file' })
    const inputs = ['text=@text.txt', 'times=2', 'pages=@a.txt', 'pages=@b.txt']
    const flags = [...inputs.flatMap((input) => ['--input', input]), '--keep', 'kept', '--json']
    const { code, out } = await millrace(place, 'module', 'check', 'm', ...flags)
    const steps = ['manifest', 'environment', 'test', 'run'].map((step) => ({
      step,
      good: true,
      cause: null,
    }))
    expect(JSON.parse(out)).toMatchObject({
      good: true,
      module: { name: 'm', version: '1.0.0' },
      steps,
      outputs: {
        echo: { value: 'from a file page a page b' },
        file: { files: [{ name: 'out.txt', size: 22 }] },
      },
      home: join(place, 'cache', 'checks'),
    })
    expect(code).toBe(0)
    expect((await readdir(join(place, 'kept'))).sort()).toEqual(['file.txt', 'outputs.json'])
    expect(await readFile(join(place, 'kept/file.txt'), 'utf8')).toBe('from a filefrom a file')
    expect(JSON.parse(await readFile(join(place, 'kept/outputs.json'), 'utf8'))).toEqual({
      echo: 'from a file page a page b',
      file: 'file.txt',
    })
  })

  test('has its environment from the cache the second time; one that cannot be installed says why', async () => {
    const main = program('import six\ngive(echo=six.__name__)')
    await write(join(place, 'm'), { 'module.json': manifest, 'main.py': main, 'test_data.json': testData })
    await write(join(place, 'm'), { 'requirements.txt': 'six==1.17.0\n' })
    const environment = async () =>
      /✓ environment.*/.exec(steady((await millrace(place, 'module', 'check', 'm')).out))?.[0]
    expect(await environment()).toBe('✓ environment # s  Python #, installed')
    expect(await environment()).toBe('✓ environment # s  Python #, from cache')

    await write(join(place, 'm'), { 'requirements.txt': 'millrace-there-is-no-such-package==9.9\n' })
    const { code, out } = await millrace(place, 'module', 'check', 'm')
    expect(out).toMatch(/✗ environment .*\n\n {2}The requirements cannot be installed: .*\n.*no-such-package/)
    expect(out).toMatch(/\n {2}\$ .*uv pip install .* -r m\/requirements\.txt\n {2}exit code 1\n/)
    expect(code).toBe(1)
  })
})

test('a module that ignores every request to end is killed on Ctrl-C; nothing of it is left, and the next check goes on', async () => {
  const main = `
import os, signal, subprocess, sys, time
for one in (signal.SIGTERM, signal.SIGINT): signal.signal(one, signal.SIG_IGN)
subprocess.Popen(["sleep", "1000"], start_new_session=True)
open(os.environ["MILLRACE_CACHE_DIR"] + "/started", "w").close()
while True: time.sleep(1)
`
  await write(join(place, 'm'), { 'module.json': manifest, 'main.py': main, 'test_data.json': testData })
  const { child, ended } = startMillrace(place, ['module', 'check', 'm'])
  await until('the module is at work', 20, () =>
    readFile(join(place, 'cache/checks/cache/m/started'), 'utf8').then(() => true),
  )
  const marker = `MILLRACE_CACHE_DIR=${place}`
  expect((await processesWith(marker)).length).toBeGreaterThanOrEqual(2)

  await write(join(place, 'next'), {
    'module.json': manifest,
    'main.py': good,
    'test_data.json': testData,
  })
  const next = startMillrace(place, ['module', 'check', 'next'])
  await until('the next check waits', 20, () => next.printed() === '  waiting: another check is going on\n')
  child.kill('SIGINT')
  const { code, out, err } = await ended
  expect(steady(out).split('\n')).toEqual([
    '✓ manifest # s  m 1.0.0',
    '✓ environment # s  Python #, nothing to install',
    '  stopping: one moment',
    '  stopped',
    '',
  ])
  expect({ code, err }).toEqual({ code: 130, err: '' })
  expect(await next.ended).toMatchObject({ code: 0, out: expect.stringContaining('m 1.0.0 is good.') })
  expect(await processesWith(marker)).toEqual([])
})

test('what cannot be checked as asked for is a fault of the call', async () => {
  await write(join(place, 'm'), { 'module.json': manifest, 'main.py': good, 'test_data.json': testData })
  const rows: [string[], string][] = [
    [['nowhere'], 'error: the folder nowhere does not exist\n'],
    [
      ['m', '--input', 'txt=1', '--input', 'times=0', '--input', 'pages=@m/main.py', '--input', 'pages=x'],
      'error: input "txt" is not declared; the module has text, times, pages\n' +
        '       input "times" must be at least 1\n' +
        '       input "pages" must be a txt file, but is called main.py\n' +
        '       input "pages" is a file: give it as pages=@path\n',
    ],
    [
      ['m', '--input', 'text'],
      "error: option '--input <key=value>' argument 'text' is invalid. It must be key=value, or key=@file.\n" +
        '(see --help)\n',
    ],
    [['m', '--keep', 'm/main.py'], 'error: the folder m/main.py cannot be made\n'],
    [[], "error: missing required argument 'folder'\n(see --help)\n"],
  ]
  for (const [args, err] of rows)
    expect(await millrace(place, 'module', 'check', ...args), args.join(' ')).toEqual({
      code: 2,
      out: '',
      err,
    })
})
