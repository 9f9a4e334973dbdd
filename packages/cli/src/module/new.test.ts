import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { millrace, steady } from '../../fixtures/millrace.ts'

let place: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'millrace-new-'))
})
afterEach(() => rm(place, { recursive: true }))

test.each([
  { flags: [], helper: 'requirements.txt' },
  { flags: ['--vendor'], helper: 'millrace_module.py' },
])('a new module is good as it is, with $helper', async ({ flags, helper }) => {
  const made = await millrace(place, 'module', 'new', 'my-module', ...flags)
  expect(made).toMatchObject({ code: 0, err: '' })
  expect(made.out).toMatch(/^modules\/my-module is a module now:\n/)
  expect(made.out).toMatch(/\n {2}npx millrace module check modules\/my-module\n$/)
  const folder = join(place, 'modules', 'my-module')
  const files = await readdir(folder)
  expect(files.sort()).toEqual(['main.py', 'module.json', 'test_data.json', helper].sort())
  for (const file of files) expect(made.out).toContain(`\n  ${file} `)
  expect(JSON.parse(await readFile(join(folder, 'module.json'), 'utf8'))).toMatchObject({ name: 'my-module' })

  const { code, out } = await millrace(place, 'module', 'check', 'modules/my-module')
  expect(steady(out)).toContain(
    ['', '  words    8', '  longest  ["carries","water","wheel"]', '', 'my-module 0.1.0 is good.', ''].join(
      '\n',
    ),
  )
  expect(out).not.toContain('warning')
  expect(code).toBe(0)
})

test('a copy of the helper that is old is a warning, and works', async () => {
  await millrace(place, 'module', 'new', 'm', '--vendor')
  const copy = join(place, 'modules/m/millrace_module.py')
  await writeFile(
    copy,
    (await readFile(copy, 'utf8')).replace(/^__version__ = .*$/m, '__version__ = "0.1.9"'),
  )
  const { code, out } = await millrace(place, 'module', 'check', 'modules/m')
  expect(out).toMatch(/warning millrace_module\.py is version 0\.1\.9, and \d+\.\d+\.\d+ is the newest: /)
  expect(code).toBe(0)
})

test('an invalid name and an existing folder are rejected; nothing is written', async () => {
  const rows: [string[], string][] = [
    [
      ['My Module'],
      '"My Module" cannot be the name of a module: lower case letters, digits, - and _. Perhaps my-module?',
    ],
    [['../m'], '"../m" cannot be the name of a module: lower case letters, digits, - and _. Perhaps m?'],
    [['constructor'], '"constructor" cannot be the name of a module: a name that every object has already.'],
  ]
  for (const [args, fault] of rows) {
    const ended = await millrace(place, 'module', 'new', ...args)
    expect(ended, args.join(' ')).toEqual({ code: 2, out: '', err: `error: ${fault}\n` })
  }
  expect(await readdir(place)).toEqual([])

  expect(await millrace(place, 'module', 'new', 'm', '--dir', 'here')).toMatchObject({ code: 0 })
  const before = await readFile(join(place, 'here/m/main.py'), 'utf8')
  expect(await millrace(place, 'module', 'new', 'm', '--dir', 'here')).toEqual({
    code: 2,
    out: '',
    err: 'error: here/m exists already: choose another name\n',
  })
  expect(await readFile(join(place, 'here/m/main.py'), 'utf8')).toBe(before)
})
