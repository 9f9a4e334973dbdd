import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { takeLock } from './lock-file.ts'
import { identify } from './process-identity.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-lock-'))
  file = join(folder, 'a.lock')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it('goes to one of many who want it at once; the others learn who has it', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => takeLock(file)))
  const losers = answers.filter((answer) => 'heldBy' in answer)
  expect(losers).toHaveLength(19)
  expect(losers.every(({ heldBy }) => heldBy.pid === process.pid)).toBe(true)
})

it('of a dead holder is free, for one of many; of a dead remover too', async () => {
  const dead = JSON.stringify({ pid: process.pid, started: 'in another life', since: 'long ago' })
  for (let round = 0; round < 20; round++) {
    await writeFile(file, dead)
    if (round % 2) await writeFile(`${file}.stale`, dead)
    const answers = await Promise.all(Array.from({ length: 20 }, () => takeLock(file)))
    const winners = answers.filter((answer) => 'release' in answer)
    expect(winners).toHaveLength(1)
    for (const winner of winners) await winner.release()
  }
  expect(await readdir(folder)).toEqual([])
})

it('can be taken again once released, and leaves nothing behind', async () => {
  for (let round = 0; round < 3; round++) {
    const lock = await takeLock(file)
    if (!('release' in lock)) throw new Error('the lock is taken')
    await lock.release()
  }
  expect(await readdir(folder)).toEqual([])
})

it('knows a process from a later one with the same number', () => {
  const own = identify(process.pid)
  expect(own).toEqual({ pid: process.pid, started: expect.any(String) })
  expect(identify(2 ** 22 + 1)).toBeUndefined()
})

it('that is torn, or that another program wrote, has no holder', async () => {
  for (const text of ['{"pi', 'null', '7', '{"pid":1}']) {
    await writeFile(file, text)
    const lock = await takeLock(file)
    expect(lock, text).toHaveProperty('release')
    if ('release' in lock) await lock.release()
  }
})
