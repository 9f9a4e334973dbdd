import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fetching } from './fetching.ts'
import { installerFault } from './installer-fault.ts'
import { runTool } from './run-tool.ts'
import { SourceFailed, type Work } from './source.ts'
import type { Wheel } from './wheels.ts'

/** The Python package index: the user's, else the public one. */
export const indexIn = ({ PIP_INDEX_URL, UV_DEFAULT_INDEX }: NodeJS.ProcessEnv): string =>
  PIP_INDEX_URL || UV_DEFAULT_INDEX || 'https://pypi.org/simple/'

/**
 * A wheel straight from the index, for a Python without pip and uv: the JSON form of the simple API (PEP 691).
 * `PIP_INDEX_URL` and `UV_DEFAULT_INDEX` name another index.
 */
export async function downloadFromIndex(
  wheel: Wheel,
  python: string,
  into: string,
  work: Work,
): Promise<void> {
  const index = indexIn(work.env)
  try {
    const file = join(work.scratch, wheel.file)
    await download(await addressOf(wheel, index, work.signal), wheel, file, work)
    await unpack(python, file, into, work)
  } catch (error) {
    if (error instanceof SourceFailed) throw error
    throw new SourceFailed(installerFault(wheel, textOf(error), 'PyPI'))
  }
}

async function addressOf(wheel: Wheel, index: string, signal: AbortSignal): Promise<URL> {
  const page = new URL(`${wheel.project}/`, index.endsWith('/') ? index : `${index}/`)
  const answer = await fetch(page, { headers: { accept: 'application/vnd.pypi.simple.v1+json' }, signal })
  if (!answer.ok) throw new Error(`HTTP status client error (${answer.status} ${answer.statusText})`)
  const { files }: { files: { filename: string; url: string }[] } = await answer.json()
  const found = files.find(({ filename }) => filename === wheel.file)
  if (!found) throw new Error('No matching distribution')
  return new URL(found.url, answer.url)
}

async function download(address: URL, wheel: Wheel, file: string, work: Work): Promise<void> {
  const answer = await fetch(address, { signal: work.signal })
  if (!answer.ok || !answer.body)
    throw new Error(`HTTP status client error (${answer.status} ${answer.statusText})`)
  const digest = createHash('sha256')
  let done = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      digest.update(chunk)
      done += chunk.length
      work.progress(fetching(wheel, done))
      next(null, chunk)
    },
  })
  await pipeline(Readable.from(answer.body), counted, createWriteStream(file))
  if (digest.digest('hex') === wheel.sha256) return
  await rm(file)
  throw new Error('hash mismatch')
}

/** The layout of `pip install --target`: the wheel's folders at the top, its scripts in `bin`. */
async function unpack(python: string, file: string, into: string, work: Work): Promise<void> {
  const ran = await runTool({ file: python, parameters: ['-c', unzip, file, into] }, work)
  if (ran.failed) throw new Error(ran.text || ran.summary)
  for (const name of await readdir(into)) {
    if (!name.endsWith('.data')) continue
    for (const part of await readdir(join(into, name))) {
      const from = join(into, name, part)
      if (part === 'scripts') await rename(from, join(into, 'bin'))
      else for (const one of await readdir(from)) await rename(join(from, one), join(into, one))
    }
  }
  await mkdir(join(into, 'bin'), { recursive: true })
}

/** Unlike `python -m zipfile`, it keeps the permission to execute. */
const unzip = `
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for item in wheel.infolist():
        path = wheel.extract(item, sys.argv[2])
        if not item.is_dir():
            os.chmod(path, (item.external_attr >> 16) & 0o777 or 0o644)
`

/** `fetch` reports only "fetch failed"; its cause has the reason. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  const why = cause instanceof Error ? ` ${'code' in cause ? cause.code : ''} ${cause.message}` : ''
  return `${error.message}${why}`
}
