import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { millrace, steady } from '../../fixtures/millrace.ts'

let place: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'millrace-new-'))
})
afterEach(() => rm(place, { recursive: true }))

test('a new module is good as it is', async () => {
  const made = await millrace(place, 'module', 'new', 'my-module')
  expect(made).toMatchObject({ code: 0, err: '' })
  expect(made.out).toMatch(/^modules\/my-module is a module now:\n/)
  expect(made.out).toMatch(/\n {2}npx millrace module check modules\/my-module\n$/)
  const folder = join(place, 'modules', 'my-module')
  expect((await readdir(folder)).sort()).toEqual([
    'main.py',
    'millrace_module.py',
    'module.json',
    'test_data.json',
  ])
  expect(JSON.parse(await readFile(join(folder, 'module.json'), 'utf8'))).toMatchObject({ name: 'my-module' })

  const { code, out } = await millrace(place, 'module', 'check', 'modules/my-module')
  expect(steady(out)).toContain(
    ['', '  words    8', '  longest  ["carries","water","wheel"]', '', 'my-module 0.1.0 is good.', ''].join(
      '\n',
    ),
  )
  expect(code).toBe(0)
})

test('a name that cannot be, and a folder that is there, are refused; nothing is written', async () => {
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
    err: 'error: here/m is there already: take another name\n',
  })
  expect(await readFile(join(place, 'here/m/main.py'), 'utf8')).toBe(before)
})
