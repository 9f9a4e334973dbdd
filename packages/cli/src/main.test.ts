import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { millrace } from '../fixtures/millrace.ts'

const here = tmpdir()

test('help lists the commands', async () => {
  const { code, out, err } = await millrace(here, '--help')
  expect(out).toMatch(/^Usage: millrace .*\n {2}module +Starts and checks modules\.\n/s)
  expect({ code, err }).toEqual({ code: 0, err: '' })

  const module = await millrace(here, 'module', '--help')
  expect(module.out).toMatch(/\n {2}new \[options\] <name> .*\n {2}check \[options\] <folder> /s)
  expect(module.code).toBe(0)

  const check = await millrace(here, 'module', 'check', '--help')
  expect(check.out).toMatch(/Exit codes: 0 the module is good, 1 it is not, 2 it could not be checked/)
  expect(check.code).toBe(0)
})

test('an unknown command is rejected, with the nearest one', async () => {
  const rows: [string[], string][] = [
    [['modul'], "error: unknown command 'modul'\n(Did you mean module?)\n"],
    [['module', 'chek'], "error: unknown command 'chek'\n(Did you mean check?)\n"],
    [['module', 'check', 'm', '--kep', 'x'], "error: unknown option '--kep'\n(Did you mean --keep?)\n"],
  ]
  for (const [args, says] of rows)
    expect(await millrace(here, ...args)).toEqual({
      code: 2,
      out: '',
      err: `${says}(see --help)\n`,
    })
  const bare = await millrace(here)
  expect(bare).toMatchObject({ code: 2, out: '' })
  expect(bare.err).toMatch(/^Usage: millrace /)
})
