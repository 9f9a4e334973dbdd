import { execFileSync } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GoToolchain, goFromWheel, goOnPath } from '../../infra/src/find/go-toolchain.ts'
import type { Work } from '../../infra/src/find/source.ts'

const sources = resolve(import.meta.dirname, '../../infra/versitygw')
let scratch: string
let toolchain: GoToolchain
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-go-'))
  await cp(sources, join(scratch, 'sources'), { recursive: true })
  const { signal } = new AbortController()
  const work: Work = { env: process.env, scratch, progress: () => undefined, signal }
  toolchain = (await goOnPath(work)) ?? (await goFromWheel(work))
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

test.each([['vet'], ['test']])('go %s finds nothing wrong with our versitygw', (command) => {
  const printed = execFileSync(toolchain.file, [command, '.'], {
    cwd: join(scratch, 'sources'),
    env: { ...process.env, CGO_ENABLED: '0', ...toolchain.env },
    encoding: 'utf8',
  })
  expect(printed).toMatch(command === 'test' ? /^ok\s/ : /^$/)
})
