import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSpool, type SpooledRun } from './spool.ts'

const result: SpooledRun = {
  v: 1,
  run: 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV.1',
  outcome: 'succeeded',
  outputs: { n: { value: 1 } },
  error: null,
  exitCode: 0,
  signal: null,
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: '2026-01-01T00:00:01.000Z',
  usage: null,
  log: { lines: 0, bytes: 0, truncated: false },
  logFile: null,
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spool-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('what is put is listed by the next process, until it is removed', async () => {
  const spool = await openSpool(folder)
  await spool.put(result)
  expect(await (await openSpool(folder)).list()).toEqual([result])
  await spool.remove(result.run)
  expect(await spool.list()).toEqual([])
  await spool.remove(result.run)
})

test('halves of a write and strange files are no results', async () => {
  const spool = await openSpool(folder)
  await writeFile(join(folder, `${result.run}.json.1.tmp`), '{"v":1,"ru')
  await writeFile(join(folder, 'torn.json'), '{"v":1,')
  await writeFile(join(folder, 'future.json'), '{"v":2}')
  expect(await spool.list()).toEqual([])
  expect(await readdir(folder)).not.toContain(`${result.run}.json.1.tmp`)
})

test('a kill in the middle of writing leaves the old or the new result, never a torn one', async () => {
  const script = `
    import { openSpool } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, 'spool.ts')).href)}
    const spool = await openSpool(process.argv[1])
    const result = JSON.parse(process.argv[2])
    for (let i = 0; ; i++) {
      await spool.put({ ...result, outputs: { n: { value: 'x'.repeat(200_000) + i } } })
      if (i === 3) process.stdout.write('writing')
    }`
  for (let round = 0; round < 3; round++) {
    const args = ['--input-type=module', '-e', script, folder, JSON.stringify(result)]
    const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const exit = once(writer, 'exit')
    await once(writer.stdout, 'data')
    writer.kill('SIGKILL')
    await exit
    const [found, ...others] = await (await openSpool(folder)).list()
    expect(others).toEqual([])
    expect(found?.outputs.n).toEqual({ value: expect.stringMatching(/^x{200000}\d+$/) })
  }
})
