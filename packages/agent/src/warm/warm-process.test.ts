import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Progress } from '@millrace/shared/for-agents'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fixtures, lives, python, until } from '../../fixtures/run-fixture.ts'
import { startWatchdog, type Watchdog } from '../process/stop/watchdog.ts'
import { type ServedRun, WarmProcess, type WarmProcessOptions } from './warm-process.ts'

let watchdog: Watchdog
let folder: string
let warm: WarmProcess
beforeAll(() => {
  watchdog = startWatchdog()
})
afterAll(() => watchdog.close())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-warm-'))
})
afterEach(async () => {
  await warm?.close()
  await rm(folder, { recursive: true })
})

function load(options: Partial<WarmProcessOptions> = {}): WarmProcess {
  warm = new WarmProcess({
    command: python,
    args: [join(fixtures, 'warm-probe', 'main.py'), '--mode', 'serve'],
    cwd: folder,
    env: {},
    watchdog,
    loadTimeoutSeconds: 20,
    onLine: () => undefined,
    graceMs: 300,
    ...options,
  })
  return warm
}

const heard: { lines: string[]; progress: Progress[] } = { lines: [], progress: [] }
let tasks = 0
/** Gives it a task. */
async function give(deed: string, timeoutSeconds = 20, seconds = 600): Promise<ServedRun> {
  tasks += 1
  const id = `run-${tasks}`
  const outputDir = join(folder, id)
  await mkdir(outputDir)
  const inputFile = join(folder, `${id}.json`)
  await writeFile(inputFile, JSON.stringify({ inputs: { do: deed, seconds }, output_dir: outputDir }))
  heard.lines = []
  heard.progress = []
  return warm.run({
    id,
    inputFile,
    timeoutSeconds,
    onLine: (stream, line) => void heard.lines.push(`${stream}: ${line}`),
    onProgress: (progress) => void heard.progress.push(progress),
  })
}

const pidIn = (said: unknown): unknown => Object(Object(Object(Object(Object(said).done).value).outputs)).pid

test('one process takes one task after another', async () => {
  expect(await load().ready).toBe(true)
  expect(warm.loadSeconds).toBeGreaterThan(0)
  for (const served of [1, 2, 3]) {
    const { end, said } = await (await give('answer')).ended
    expect(end).toMatchObject({ exitCode: 0, stopReason: null })
    expect(said).toMatchObject({
      done: { value: { status: 'success', outputs: { pid: warm.pid, served } } },
    })
  }
  expect(await warm.ping(5000)).toBe(true)
})

test('its output during a task belongs to that task', async () => {
  await load().ready
  await (await give('talk')).ended
  expect(heard.lines.sort()).toEqual([
    'stderr: a warning',
    'stdout: a bare line',
    'stdout: a line as a message',
  ])
  expect(heard.progress).toEqual([{ percent: 40, message: 'half' }])
})

describe('a failure', () => {
  test('a task reports an error, and the process lives on', async () => {
    await load().ready
    const { said } = await (await give('fail')).ended
    expect(said).toMatchObject({ kind: 'error', type: 'Refused', message: 'never', retryable: false })
    expect(pidIn((await (await give('answer')).ended).said)).toBe(warm.pid)
  })

  test('a crash ends the task with the stderr tail', async () => {
    await load().ready
    const { end, said } = await (await give('crash')).ended
    expect(said).toBeNull()
    expect(end).toMatchObject({ signal: 'SIGSEGV', stopReason: null, stderrTail: ['about to crash'] })
    expect(warm.isAlive).toBe(false)
  })

  test('an error names the place of NaN, and the remedy for a long line', async () => {
    await load().ready
    const { said } = await (await give('say-nan')).ended
    expect(said).toMatchObject({ done: { notNumbers: ['/outputs/pid'] } })
    const long = await (await give('long-line')).ended
    expect(long.said).toMatchObject({ kind: 'bad', fault: expect.stringContaining('result.json') })
    expect(pidIn((await (await give('answer')).ended).said)).toBe(warm.pid)
  })
})

test('an answer after the output of another print is read', async () => {
  await load().ready
  const { said } = await (await give('answer-behind-words')).ended
  expect(pidIn(said)).toBe(warm.pid)
})

describe('stopping', () => {
  test('a task that obeys the cancel ends without its process', async () => {
    await load().ready
    const run = await give('wait-for-cancel')
    run.stop('cancelled')
    expect(await run.ended).toMatchObject({ end: { stopReason: 'cancelled', exitCode: 0 } })
    expect(warm.isAlive).toBe(true)
  })

  test.each([
    ['cancelled', 20],
    ['timed_out', 0.2],
  ] as const)('a task that does not, %s: its process ends too', async (reason, timeoutSeconds) => {
    await load().ready
    const run = await give('hang', timeoutSeconds)
    if (reason === 'cancelled') run.stop(reason)
    expect(await run.ended).toMatchObject({ said: null, end: { stopReason: reason, signal: 'SIGTERM' } })
    expect(lives(warm.pid ?? 0)).toBe(false)
  })

  test('closing waits until the process has gone, even during a task', async () => {
    await load().ready
    const run = await give('hang')
    await warm.close()
    expect(lives(warm.pid ?? 0)).toBe(false)
    expect(await run.ended).toMatchObject({ said: null })
  })
})

test('reports a model that fails to load or takes too long', async () => {
  expect(await load({ args: ['-c', 'import sys; sys.exit("no such model")'] }).ready).toBe(false)
  expect(await warm.gone).toMatchObject({ exitCode: 1, stderrTail: ['no such model'] })
  const slow = load({ args: ['-c', 'import time; time.sleep(600)'], loadTimeoutSeconds: 0.3 })
  expect(await slow.ready).toBe(false)
  expect(slow.loadTimedOut).toBe(true)
  await until(() => !lives(slow.pid ?? 0))
})
