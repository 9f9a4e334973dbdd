import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Grant, type LogBatch, Manifest } from '@millrace/shared/for-agents'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { Secrets } from '../log/secrets.ts'
import type { RunnableModule } from '../modules/catalogue.ts'
import { Stop, type StopReason } from '../process/stop/stop.ts'
import { startWatchdog, type Watchdog } from '../process/stop/watchdog.ts'
import { RunLog } from '../report/run-log.ts'
import { type AssignedRun, produceResult, type RunDeps } from './run-assignment.ts'

const run = 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV.1' as const
const logger = pino({ level: 'silent' })

/** Replaces a module's main.py: the agent can start any interpreter. */
const program = `
import { readFileSync, writeFileSync } from 'node:fs'
const { inputs, output_dir, ...rest } = JSON.parse(readFileSync(process.argv[process.argv.indexOf('--input_file') + 1], 'utf8'))
console.log('at work on ' + inputs.text)
console.error('a warning')
console.log(JSON.stringify({ event: 'progress', percent: 40, message: 'half' }))
if (inputs.text.startsWith('leak ')) {
  const secret = inputs.text.slice(5)
  console.log('x'.repeat(64 * 1024 - 5) + secret)
  console.log('it is ' + secret)
  console.error(secret + ' it is')
  console.log(JSON.stringify({ event: 'progress', message: secret }))
  console.log(JSON.stringify({ status: 'error', error: { type: 'Leak', message: 'not ' + secret, traceback: 'at ' + secret } }))
  process.exitCode = 2
} else if (inputs.text === 'wait') setInterval(() => {}, 1000)
else {
  writeFileSync(output_dir + '/out.txt', 'file')
  console.log(JSON.stringify({ status: 'success', outputs: { echo: { inputs, ...rest }, file: 'out.txt', more: 1 } }))
}`

let home: string
let watchdog: Watchdog
let module: RunnableModule
beforeAll(() => {
  watchdog = startWatchdog()
})
afterAll(() => watchdog.close())
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'run-'))
  await writeFile(join(home, 'main.mjs'), program)
  const manifest = Manifest.parse({
    name: 'm',
    version: '1.0.0',
    entry_point: 'main.mjs',
    inputs: [
      { key: 'text', type: 'text' },
      { key: 'photo', type: 'file', required: false },
    ],
    outputs: [
      { key: 'echo', type: 'json' },
      { key: 'file', type: 'file' },
    ],
  })
  const known = { name: 'm', version: '1.0.0', digest: 'd', folder: home, python: process.execPath }
  module = { ...known, manifest, cacheDir: join(home, 'cache') }
})
afterEach(() => rm(home, { recursive: true }))

async function start(inputs: Grant['inputs'], find: RunDeps['find'] = () => module) {
  const sent: LogBatch[] = []
  const onProgress = vi.fn()
  const grant: Grant = {
    run,
    module: { name: 'm', version: '1.0.0', digest: 'd' },
    inputs,
    outputs: {},
    timeoutSeconds: 30,
  }
  const task: AssignedRun = { grant, again: async () => grant }
  const publish = async (batch: LogBatch) => {
    sent.push(batch)
    return true
  }
  const stop = new Stop()
  const ended = produceResult(
    {
      runsDir: join(home, 'runs'),
      find,
      openLog: (_, path) => new RunLog({ path, publish, isOpen: () => true, logger }),
      onProgress,
      watchdog,
      secrets: new Secrets(['mr_the-key-of-the-agent']),
      threads: 1,
      own: process.env,
      logger,
    },
    task,
    stop,
  )
  return { running: { ended, stop: (reason: StopReason) => stop.request(reason) }, sent, onProgress }
}

test('a task runs, and its whole result is reported', async () => {
  const { running, sent, onProgress } = await start({ text: { value: 'hello' } })
  const result = await running.ended
  const runDir = join(home, 'runs', run)
  expect(result).toMatchObject({
    run,
    outcome: 'succeeded',
    error: null,
    exitCode: 0,
    outputs: {
      echo: {
        value: {
          inputs: { text: 'hello', photo: null },
          task_id: run.slice(0, -2),
          run_id: run,
          files: {},
        },
      },
      file: {
        files: [{ output: 'file', n: 0, name: 'out.txt', size: 4, contentType: 'text/plain' }],
        list: false,
      },
    },
    log: { lines: 3, truncated: false },
    logFile: join(runDir, 'log.ndjson'),
  })
  expect(onProgress).toHaveBeenCalledWith(run, { percent: 40, message: 'half' })
  const lines = sent.flatMap((batch) => batch.lines)
  expect(lines.map(({ n }) => n)).toEqual([1, 2, 3])
  expect(lines.map(({ line }) => line)).toEqual(expect.arrayContaining(['at work on hello', 'a warning']))
  expect(
    (await readFile(join(runDir, 'log.ndjson'), 'utf8'))
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text)),
  ).toEqual(lines)
})

test('a run that the agent stops at its end is handed back', async () => {
  const { running, sent } = await start({ text: { value: 'wait' } })
  await vi.waitFor(() => expect(sent).not.toEqual([]), 5000)
  running.stop('shutdown')
  expect(await running.ended).toMatchObject({ outcome: 'handed_back', log: { lines: 2 } })
}, 15_000)

test('a superseded run leaves nothing behind', async () => {
  const { running, sent } = await start({ text: { value: 'wait' } })
  await vi.waitFor(() => expect(sent).not.toEqual([]), 5000)
  running.stop('superseded')
  running.stop('shutdown')
  expect(await running.ended).toBeNull()
  expect(await readdir(join(home, 'runs'))).toEqual([])
}, 15_000)

test('a run cancelled during the download of its inputs never starts', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const address = silent.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const asked = new Promise((resolve) => silent.once('request', resolve))
  const { running } = await start({
    text: { value: 'hello' },
    photo: {
      file: {
        data: 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV',
        url: `http://127.0.0.1:${address.port}/`,
        name: 'p.jpg',
        size: 1,
        contentType: 'image/jpeg',
        label: '',
      },
    },
  })
  await asked
  running.stop('cancelled')
  expect(await running.ended).toMatchObject({ outcome: 'cancelled', exitCode: null, log: { lines: 0 } })
  silent.closeAllConnections()
  silent.close()
})

test('a run of a removed module is handed back', async () => {
  const { running } = await start({ text: { value: 'hello' } }, () => null)
  expect(await running.ended).toMatchObject({ outcome: 'handed_back', error: null })
})

test('secrets of the agent in a module’s output are masked in log, progress and error', async () => {
  const { running, sent, onProgress } = await start({ text: { value: 'leak mr_the-key-of-the-agent' } })
  const result = await running.ended
  expect(result).toMatchObject({
    outcome: 'failed',
    error: { code: 'module_error', message: 'not ***', detail: { type: 'Leak', traceback: 'at ***' } },
  })
  expect(onProgress).toHaveBeenCalledWith(run, { message: '***' })
  const lines = sent.flatMap((batch) => batch.lines.map(({ line }) => line))
  expect(lines).toEqual(expect.arrayContaining(['it is ***', '*** it is']))
  expect(JSON.stringify([result, sent])).not.toContain('mr_the')
  expect(await readFile(join(home, 'runs', run, 'log.ndjson'), 'utf8')).not.toContain('mr_the')
})
