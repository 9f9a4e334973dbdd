import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cacheFolder } from './cache-folder.ts'
import { findProgram } from './find-programs.ts'
import { packageSettings } from './package-settings.ts'

let folder: string
let bin: string
let cache: string
let lines: string[]
const report = (line: string) => lines.push(line)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-find-'))
  bin = join(folder, 'bin')
  cache = join(folder, 'cache')
  lines = []
  await mkdir(bin)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('a program', () => {
  it('is taken from PATH when it is new enough', async () => {
    const file = await program('nats-server', 'echo "nats-server: v2.11.4"')
    const found = await findProgram('nats-server', { env: { PATH: bin }, cache, report })
    expect(found).toEqual({ name: 'nats-server', file, source: 'path' })
  })

  it('is built when the one on PATH is too old, once for two who need it at the same time, and then cached', async () => {
    await program('nats-server', 'echo "nats-server: v2.9.10"')
    await program(
      'go',
      `echo "$@" >> ${folder}/asked; echo secret=$SECRET >> ${folder}/asked; sleep 0.3; echo built > $GOBIN/nats-server`,
    )
    const finding = { env: { PATH: `${bin}:/usr/bin:/bin`, SECRET: 'x' }, cache, report }
    const both = await Promise.all([findProgram('nats-server', finding), findProgram('nats-server', finding)])
    const file = join(cache, 'nats-server-v2.15.2', 'nats-server')
    expect(both.map((found) => found.file)).toEqual([file, file])
    expect(both.map((found) => found.source).sort()).toEqual(['built', 'cache'])
    expect(await readFile(join(folder, 'asked'), 'utf8')).toBe(
      'install -ldflags=-s -w github.com/nats-io/nats-server/v2@v2.15.2\nsecret=\n',
    )
    expect(lines).toContain(`nats-server: process ${process.pid} is building it; waiting`)
    expect((await findProgram('nats-server', finding)).source).toBe('cache')
    expect(await readdir(cache)).toEqual(['nats-server-v2.15.2'])
  })

  it('that cannot be built leaves nothing behind and says what the tool said', async () => {
    await program('go', 'for n in $(seq 1 40); do echo "line $n"; done; echo "no such module" >&2; exit 7')
    const found = findProgram('minio', { env: { PATH: `${bin}:/usr/bin:/bin` }, cache, report })
    await expect(found).rejects.toThrow(/go install .*minio@v0.* failed[\s\S]*line 40\nno such module$/)
    await expect(found).rejects.not.toThrow(/line 20\n/)
    expect(await readdir(cache)).toEqual([])
  })

  it('called mc is MinIO’s, not Midnight Commander', async () => {
    await program('mc', 'echo "GNU Midnight Commander 4.8.29"')
    const found = findProgram('mc', { env: { PATH: bin }, cache, report })
    await expect(found).rejects.toMatchObject({ name: 'MissingTools', missing: ['go'] })
  })
})

it.each([
  ['linux', { HOME: '/h' }, '/h/.cache/millrace'],
  ['linux', { HOME: '/h', XDG_CACHE_HOME: '/c' }, '/c/millrace'],
  ['linux', { HOME: '/h', MILLRACE_CACHE: '/m' }, '/m'],
  ['darwin', { HOME: '/h' }, '/h/Library/Caches/millrace'],
  ['win32', { LOCALAPPDATA: '/l' }, '/l/millrace'],
] as const)('built programs are kept where %s with %j keeps caches', (platform, env, expected) => {
  expect(cacheFolder(env, platform)).toBe(expected)
})

it('build tools see the user’s package settings, and no secrets', () => {
  const wanted = {
    PATH: 'p',
    HOME: 'h',
    GOPROXY: 'x',
    GOFLAGS: 'f',
    PIP_INDEX_URL: 'i',
    UV_INDEX: 'u',
    https_proxy: 'q',
    JAVA_HOME: 'j',
  }
  const secret = {
    MILLRACE_ADMIN_KEY: 'k',
    MONGODB_URL: 'm',
    S3_MANAGE_SECRET: 's',
    GOOGLE_APPLICATION_CREDENTIALS: 'g',
    AWS_SECRET_ACCESS_KEY: 'a',
  }
  expect(packageSettings({ ...wanted, ...secret })).toEqual(wanted)
})

async function program(name: string, script: string): Promise<string> {
  const file = join(bin, name)
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
  return file
}
