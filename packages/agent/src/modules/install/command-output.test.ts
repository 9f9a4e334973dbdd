import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commandOutput } from './command-output.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-said-by-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function program(name: string, lines: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, `#!/bin/sh\n${lines}\n`)
  await chmod(path, 0o755)
  return path
}
const options = { env: { PATH: process.env.PATH, SEEN: 'this' }, timeoutMs: 10_000 }

test.each(['program', 'a program.cmd'])(
  'returns what %s prints from its arguments and input, in the given environment only',
  async (name) => {
    process.env.UNSEEN = 'that'
    const path = await program(name, 'cat; echo "$1|$2|$SEEN$UNSEEN"; echo aside >&2')
    expect(await commandOutput(path, ['-', 'x'], options)).toBe('-|x|this')
    expect(await commandOutput(path, ['-'], { ...options, input: 'a "b" $c %d% ' })).toBe(
      'a "b" $c %d% -||this',
    )
  },
)

test('accepts a program that ends without reading its input', async () => {
  const path = await program('program', 'exec <&-; echo done')
  expect(await commandOutput(path, [], { ...options, input: 'x'.repeat(1_000_000) })).toBe('done')
})

test('passes only plain words to a script', async () => {
  await expect(commandOutput('x.cmd', ['%PATH%'], options)).rejects.toThrow('%PATH% is not a plain word')
})

test.each(['program', 'program.cmd'])('returns null when %s fails or takes too long', async (name) => {
  expect(await commandOutput(await program(name, 'echo no; exit 3'), [], options)).toBeNull()
  expect(
    await commandOutput(await program(name, 'exec sleep 60'), [], { ...options, timeoutMs: 200 }),
  ).toBeNull()
  expect(await commandOutput(join(folder, 'none'), [], options)).toBeNull()
})
