import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StepReport } from '../report/report.ts'
import { cacheFolder } from './cache-folder.ts'
import { findProgram, findPrograms } from './find-programs.ts'
import { NotFound } from './not-found.ts'
import { packageSettings } from './package-settings.ts'

let folder: string
let bin: string
let cache: string
let steps: StepReport[]
const report = (news: string | StepReport) => {
  if (typeof news !== 'string') steps.push(news)
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-find-'))
  bin = join(folder, 'bin')
  cache = join(folder, 'cache')
  steps = []
  await mkdir(bin)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const nowhere = () => ({
  env: { PATH: bin, MONGOMS_DOWNLOAD_MIRROR: 'http://127.0.0.1:9' },
  cache,
  report,
})
const withTools = (more: Record<string, string> = {}) => ({
  env: { PATH: `${bin}:/usr/bin:/bin`, ...more },
  cache,
  report,
})

describe('a program', () => {
  it('is taken from PATH when it is new enough', async () => {
    const file = await program('nats-server', 'echo "nats-server: v2.11.4"')
    expect(await findProgram('nats-server', nowhere())).toEqual({ name: 'nats-server', file, source: 'path' })
  })

  it('is built when the one on PATH is no MinIO, once for two who need it at the same time, and then cached', async () => {
    await program('mc', 'echo "GNU Midnight Commander 4.8.29"')
    await program(
      'go',
      `[ "$1" = version ] && echo "go version go1.26.8" && exit
       echo "$@" >> ${folder}/asked; echo secret=$SECRET >> ${folder}/asked; sleep 0.3
       printf '#!/bin/sh\\necho mc by minio' > $GOBIN/mc; chmod +x $GOBIN/mc`,
    )
    const finding = withTools({ SECRET: 'x' })
    const both = await Promise.all([findProgram('mc', finding), findProgram('mc', finding)])
    const [kept = ''] = await readdir(cache)
    const file = join(cache, kept, 'mc')
    expect(both.map((found) => found.file)).toEqual([file, file])
    expect(both.map((found) => found.source).sort()).toEqual(['cache', 'fetched'])
    expect(await readFile(join(folder, 'asked'), 'utf8')).toMatch(
      /^install -ldflags=-s -w github\.com\/minio\/mc@v\S+\nsecret=\n$/,
    )
    expect(steps.map(({ text }) => text)).toContain(
      `waiting for process ${process.pid}, which is fetching it`,
    )
    // The other one may say last that it waited.
    const text = expect.stringMatching(/^compiled with Go on PATH in [\d.]+ s$/)
    expect(steps).toContainEqual(expect.objectContaining({ state: 'done', text }))
    expect((await findProgram('mc', finding)).source).toBe('cache')
    expect(await readdir(cache)).toEqual([kept])
  })

  it('that cannot be built leaves nothing behind; the error quotes the last lines of the tool', async () => {
    await program(
      'go',
      `[ "$1" = version ] && echo "go version go1.26.8" && exit
       for n in $(seq 1 40); do echo "line $n"; done; echo "no such module" >&2; exit 7`,
    )
    const found = findProgram('minio', withTools())
    await expect(found).rejects.toThrow(/go install .*failed: [\s\S]*line 40\nno such module/)
    await expect(found).rejects.not.toThrow(/line 20\n/)
    expect(await readdir(cache)).toEqual([])
  })

  it('that was built and does not run is not kept', async () => {
    await program(
      'go',
      `[ "$1" = version ] && echo "go version go1.26.8" && exit
       printf '#!/bin/sh\\necho cannot load libfoo.so >&2; exit 127' > $GOBIN/mc; chmod +x $GOBIN/mc`,
    )
    await expect(findProgram('mc', withTools())).rejects.toThrow(
      'the program from Go on PATH does not run here: cannot load libfoo.so',
    )
    expect(await readdir(cache)).toEqual([])
  })
})

it('everything that is missing is named in one message, with every way to get it', async () => {
  const failed = await findPrograms(['mongod', 'nats-server', 'versitygw'], nowhere()).catch((error) => error)
  expect(failed).toBeInstanceOf(NotFound)
  expect(failed.message).toMatch(/^Cannot get MongoDB, NATS, versitygw:\n/)
  for (const words of [
    'MongoDB: not on PATH, not in the cache; Python 3.10 or newer is needed',
    'no Go 1.25 or newer on PATH',
    'PIP_INDEX_URL',
    'put mongod 6.0 or newer, nats-server 2.11 or newer, versitygw newer than 1.8.0 (or minio with mc) on PATH',
    'MONGODB_URL',
    'infra/compose.yaml',
    'npm run doctor',
  ])
    expect(failed.message).toContain(words)
  expect(await readdir(cache)).toEqual([])
}, 120_000)

it.each([
  ['linux', { HOME: '/h' }, '/h/.cache/millrace'],
  ['linux', { HOME: '/h', XDG_CACHE_HOME: '/c' }, '/c/millrace'],
  ['linux', { HOME: '/h', MILLRACE_CACHE: '/m' }, '/m'],
  ['darwin', { HOME: '/h' }, '/h/Library/Caches/millrace'],
  ['win32', { LOCALAPPDATA: '/l' }, '/l/millrace'],
] as const)('programs are kept where %s with %j keeps caches', (platform, env, expected) => {
  expect(cacheFolder(env, platform)).toBe(expected)
})

it('installers and compilers see the user’s package settings, and no secrets', () => {
  const wanted = {
    PATH: 'p',
    HOME: 'h',
    GOPROXY: 'x',
    GOFLAGS: 'f',
    PIP_INDEX_URL: 'i',
    UV_INDEX: 'u',
    https_proxy: 'q',
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
