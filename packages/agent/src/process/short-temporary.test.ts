import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readlinkSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { python } from '../../fixtures/run-fixture.ts'
import { openTemporary, sweepTemporary } from './short-temporary.ts'

let home: string
let runDir: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'a-home-that-lies-deep-'))
  runDir = join(home, 'd'.repeat(60), 'runs', 'tsk_00000000000000000000000000.1')
  mkdirSync(runDir, { recursive: true })
})
afterEach(() => rm(home, { recursive: true }))

const isThere = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined

describe.skipIf(process.platform === 'win32')('temporary files of a run', () => {
  it('have a name that is short enough for sockets, and are inside its private folder', async () => {
    const { path, close } = openTemporary(runDir)
    expect(path.length).toBeLessThan(60)
    expect(await realpath(path)).toBe(await realpath(join(runDir, 'tmp')))
    expect(statSync(path).mode & 0o777).toBe(0o700)
    const code = 'from multiprocessing import Manager\nwith Manager() as m: print(len(m.list([1])))'
    const ran = (env: object) =>
      execFileSync(python, ['-c', code], {
        env: { PATH: '/usr/bin:/bin', ...env },
        encoding: 'utf8',
        stdio: 'pipe',
      })
    expect(ran({ TMPDIR: path })).toBe('1\n')
    expect(() => ran({ TMPDIR: join(runDir, 'tmp') })).toThrow(/AF_UNIX path too long/)
    close()
    expect(isThere(path)).toBe(false)
    close()
  })

  it('that a module replaced by a folder stay, and are no reason to fail', async () => {
    const { path, close } = openTemporary(runDir)
    rmSync(path)
    mkdirSync(join(path, 'mine'), { recursive: true })
    try {
      expect(close).not.toThrow()
      await sweepTemporary(home)
    } finally {
      rmSync(path, { recursive: true })
    }
  })

  it('of a killed agent are removed at its next start, and those of another agent are not', async () => {
    const left = openTemporary(runDir).path
    const neighbour = await mkdtemp(join(tmpdir(), 'another-home-'))
    const others = openTemporary(neighbour)
    const astray = openTemporary(runDir).path.replace(/.$/, 'x')
    symlinkSync(runDir, astray)
    const gone = openTemporary(join(neighbour, 'gone')).path
    await rm(join(neighbour, 'gone'), { recursive: true })
    const file = join(tmpdir(), 'mr-0123456789ab')
    await writeFile(file, '')
    try {
      await sweepTemporary(home)
      expect([left, others.path, astray, gone, file].map(isThere)).toEqual([false, true, true, false, true])
    } finally {
      others.close()
      await rm(astray)
      await rm(file)
      await rm(neighbour, { recursive: true })
    }
  })

  it('get a name in /tmp where the system has no other usable folder', () => {
    const before = process.env.TMPDIR
    process.env.TMPDIR = '/nowhere'
    try {
      const { path, close } = openTemporary(runDir)
      expect(path).toMatch(/^\/tmp\/mr-/)
      expect(readlinkSync(path)).toBe(join(runDir, 'tmp'))
      close()
    } finally {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
    }
  })
})
