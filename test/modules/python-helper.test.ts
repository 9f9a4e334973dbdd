import { execFile } from 'node:child_process'
import { glob, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const folder = join(root, 'python')
const run = promisify(execFile)

test('the helper for modules in Python passes its own tests', async () => {
  const { stderr } = await run('python3', ['-m', 'unittest', '-v', 'test_millrace_module'], {
    cwd: folder,
  })
  const [, ran] = stderr.match(/^Ran (\d+) tests/m) ?? []
  expect(Number(ran)).toBeGreaterThanOrEqual(39)
  expect(stderr).toMatch(/^OK$/m)
})

test('equal files give an equal wheel, of the version that the file names', async () => {
  const place = await mkdtemp(join(tmpdir(), 'millrace-wheel-'))
  const build = async (to: string) => {
    const { stdout } = await run('python3', [join(folder, 'build_wheel.py'), join(place, to)])
    return { name: stdout.trim(), bytes: await readFile(join(place, to, stdout.trim())) }
  }
  const [one, other] = [await build('one'), await build('other')]
  expect(one).toEqual(other)
  expect(one.name).toBe(`millrace_module-${await helperVersion()}-py3-none-any.whl`)
  await rm(place, { recursive: true })
})

test('every module that imports the helper names its package, in an existing version, and has no copy', async () => {
  const mains = await Array.fromAsync(
    glob(['modules/*/main.py', 'packages/cli/template/main.py'], { cwd: root }),
  )
  const users = []
  for (const main of mains)
    if (/^from millrace_module import/m.test(await readFile(join(root, main), 'utf8')))
      users.push(dirname(join(root, main)))
  expect(users.length).toBeGreaterThanOrEqual(8)
  const wanted = new RegExp(`^millrace-module>=${(await helperVersion()).replace(/\.\d+$/, '')}$`, 'm')
  for (const user of users) {
    expect(await readdir(user)).not.toContain('millrace_module.py')
    expect(await readFile(join(user, 'requirements.txt'), 'utf8'), user).toMatch(wanted)
  }
})

async function helperVersion(): Promise<string> {
  const [, version = ''] =
    /^__version__ = "(.+)"$/m.exec(await readFile(join(folder, 'millrace_module.py'), 'utf8')) ?? []
  return version
}
