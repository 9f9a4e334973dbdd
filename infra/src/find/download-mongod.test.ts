import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { downloadMongod } from './download-mongod.ts'
import type { Progress } from './source.ts'

let folder: string
let mirror: Server
let url: string
let asked: string[]
let checksum: (archive: Buffer) => string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-mongod-'))
  asked = []
  checksum = (archive) => createHash('md5').update(archive).digest('hex')
  const bin = join(folder, 'mongodb-any', 'bin')
  await mkdir(bin, { recursive: true })
  await writeFile(join(bin, 'mongod'), '#!/bin/sh\necho db version v7.0.24\n', { mode: 0o755 })
  execFileSync('tar', ['-czf', join(folder, 'archive.tgz'), '-C', folder, 'mongodb-any'])
  const archive = await readFile(join(folder, 'archive.tgz'))
  mirror = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    if (path.endsWith('.md5')) return response.end(`${checksum(archive)}  ${basename(path, '.md5')}\n`)
    response.setHeader('content-length', archive.length).end(archive)
  })
  await new Promise<void>((listening) => mirror.listen(0, '127.0.0.1', listening))
  const address = mirror.address()
  url = `http://127.0.0.1:${address && typeof address === 'object' ? address.port : 0}`
})
afterEach(async () => {
  mirror.closeAllConnections()
  await new Promise((closed) => mirror.close(closed))
  await rm(folder, { recursive: true, force: true })
})

const download = (progress: Progress[], into = join(folder, 'into')) =>
  downloadMongod(into, {
    env: { MONGOMS_DOWNLOAD_MIRROR: url },
    scratch: folder,
    progress: (one) => progress.push(one),
    signal: new AbortController().signal,
  })

it('takes the official build for this platform from the mirror, and reports bytes', async () => {
  const progress: Progress[] = []
  await download(progress)
  expect(execFileSync(join(folder, 'into', 'mongod'), { encoding: 'utf8' })).toBe('db version v7.0.24\n')
  expect(asked[0]).toMatch(/^\/(linux|osx|windows)\/mongodb-\S+-7\.0\.24\.(tgz|zip)/)
  expect(progress.at(-1)?.doing).toMatch(/the official build 7\.0\.24$/)
})

it('refuses a build with another checksum', async () => {
  checksum = () => 'a'.repeat(32)
  await expect(download([])).rejects.toThrow(/the official download failed \(.*(md5|checksum)/i)
})

it('names the setting for a mirror when the server does not answer', async () => {
  await new Promise((closed) => mirror.close(closed))
  await expect(download([])).rejects.toThrow(/ECONNREFUSED.*; MONGOMS_DOWNLOAD_MIRROR names a mirror$/)
})
