// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the file, not of this program
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Grant } from '@millrace/shared/for-agents'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { Stop } from '../process/stop/stop.ts'
import { startWatchdog, type Watchdog } from '../process/stop/watchdog.ts'
import { RunLog } from '../report/run-log.ts'
import { programsOf } from '../runs/programs.ts'
import { produceResult } from '../runs/run-assignment.ts'
import { openSignals } from '../signals/agent-signals.ts'
import { openWorkers, type Workers } from './workers.ts'

const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
}).trim()
const nobody = new Set<string>()

let folder: string
let file: string
let workers: Workers
let log: ReturnType<typeof spies>
let onChange: ReturnType<typeof vi.fn<() => void>>
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'workers-'))
  file = join(folder, 'workers.yaml')
  await mkdir(join(folder, 'project'))
  await mkdir(join(folder, 'home'))
  await writeFile(join(folder, 'project/answer.py'), program)
  workers = open()
})
afterEach(async () => {
  await workers.close()
  await rm(folder, { recursive: true })
})

const program = `import json, os, sys
task = json.load(sys.stdin)
print("at work")
result = {"task": task, "argv": sys.argv[1:], "token": os.environ.get("TOKEN"), "home": os.path.isdir(os.environ["HOME"])}
print(json.dumps({"success": True, "result": result, "logs": [{"level": "INFO", "message": "done"}]}))
`

type Log = (detail: object, message: string) => void
const spies = () => ({ info: vi.fn<Log>(), warn: vi.fn<Log>(), error: vi.fn<Log>() })

function open(lookEveryMs?: number): Workers {
  log = spies()
  onChange = vi.fn()
  const signals = openSignals()
  signals.modulesChanged.subscribe('test', onChange)
  return openWorkers({
    files: [file, join(folder, 'workers.json')],
    home: join(folder, 'home'),
    own: { PYTHON: python, TOKEN: 'secret' },
    logger: log,
    signals,
    lookEveryMs,
  })
}

const entry = (type: string, more: object = {}) => ({
  name: 'w',
  project_path: './project',
  venv_python: '${PYTHON}',
  module: 'answer',
  task_types: [type],
  ...more,
})
const textOf = (...entries: object[]) => JSON.stringify({ workers: entries }, null, 1)
const states = () =>
  workers.inventory(nobody).map(({ name, status, error }) => [name, status, error ?? null] as const)

test('without a file the agent has no workers; it notices a new file, and its removal', async () => {
  await workers.scan()
  expect(workers.inventory(nobody)).toEqual([])
  await writeFile(file, textOf(entry('A.b')))
  await vi.waitFor(() => expect(states()).toEqual([['a-b', 'AVAILABLE', null]]), 3000)
  expect(onChange).toHaveBeenCalled()
  await rm(file)
  await vi.waitFor(() => expect(states()).toEqual([]), 3000)
})

test('workers.json is used only without workers.yaml', async () => {
  await writeFile(join(folder, 'workers.json'), textOf(entry('from-json')))
  await workers.scan()
  expect(states()).toEqual([['from-json', 'AVAILABLE', null]])
  await writeFile(file, textOf(entry('from-yaml')))
  await workers.scan()
  expect(states()).toEqual([['from-yaml', 'AVAILABLE', null]])
})

test('a file in UTF-16 is read by its byte order mark; half a character and Latin-1 are faults', async () => {
  await writeFile(file, Buffer.from(`\uFEFF${textOf(entry('from-utf-16'))}`, 'utf16le'))
  await workers.scan()
  expect(states()).toEqual([['from-utf-16', 'AVAILABLE', null]])
  const faults: [string | Buffer, RegExp][] = [
    [
      Buffer.from(textOf(entry('gr\u00f6ße')), 'latin1'),
      /it is not UTF-8: the byte 0xf6 at offset \d+.*save it as UTF-8/,
    ],
    [
      textOf(entry('a', { metadata: { version: '1.0.0', description: '\ud800' } })),
      /half a surrogate pair.*description/,
    ],
  ]
  for (const [content, message] of faults) {
    await writeFile(file, content)
    await workers.scan()
    expect(states()).toEqual([['from-utf-16', 'AVAILABLE', expect.stringMatching(message)]])
  }
})

test("the registry gets the file's contents as written", async () => {
  const more = { timeout: 5, max_retries: 1, env: { TOKEN: 'written' }, metadata: { version: '2.0.0' } }
  await writeFile(file, textOf(entry('A.b', more)))
  await workers.scan()
  const [module] = workers.inventory(nobody)
  const { venv_python } = entry('')
  expect(module).toEqual({
    name: 'a-b',
    version: '2.0.0',
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    status: 'AVAILABLE',
    path: './project',
    pythonExec: venv_python,
    error: null,
    manifest: {
      name: 'a-b',
      original_name: 'A.b',
      version: '2.0.0',
      description: '',
      inputs: [{ key: 'params', type: 'json', required: false, default: {} }],
      outputs: [{ key: 'result', type: 'json' }],
      timeout_seconds: 5,
      max_attempts: 2,
      worker: {
        ...{ name: 'w', project_path: './project', venv_python, module: 'answer', function: 'main' },
        env: ['TOKEN'],
      },
    },
  })
})

test('a changed definition has another digest; the previous one can still be found', async () => {
  await writeFile(file, textOf(entry('a', { env: { X: 1 } }), entry('b')))
  await workers.scan()
  const [a, b] = workers.available(nobody)
  await writeFile(file, textOf(entry('a', { env: { X: 2 } }), entry('b'), entry('c')))
  await workers.scan()
  const [now, same] = workers.available(nobody)
  expect(now?.digest).not.toBe(a?.digest)
  expect(same?.digest).toBe(b?.digest)
  expect(workers.find('a', '1.0.0', a?.digest ?? '')?.call.env).toEqual({ X: '1' })
  expect(workers.find('a', '1.0.0', now?.digest ?? '')?.call.env).toEqual({ X: '2' })
  expect(workers.find('a', '1.0.0', 'other')).toBeNull()
})

describe('a fault of the file', () => {
  test('keeps the previous workers, even after a restart, and is reported until it is fixed', async () => {
    await writeFile(file, textOf(entry('a')))
    await workers.scan()
    await writeFile(file, textOf(entry('b', { timeout: -1 })))
    const fault = `${file}:11: workers[0].timeout: Too small: expected number to be >0`
    await vi.waitFor(
      () => expect(states()).toEqual([['a', 'AVAILABLE', expect.stringContaining(fault)]]),
      3000,
    )
    expect(log.error).toHaveBeenCalledWith({ file, faults: [fault] }, expect.any(String))
    await workers.close()
    workers = open()
    await workers.scan()
    expect(states()).toEqual([['a', 'AVAILABLE', expect.stringContaining(fault)]])
    expect(workers.available(nobody).map(({ name }) => name)).toEqual(['a'])
    await writeFile(file, textOf(entry('b')))
    await vi.waitFor(() => expect(states()).toEqual([['b', 'AVAILABLE', null]]), 3000)
  })

  test('in the first file is reported, and the agent has no workers', async () => {
    await writeFile(file, 'workers: [')
    await workers.scan()
    expect(states()).toEqual([])
    expect(log.error).toHaveBeenCalledTimes(1)
    await workers.scan()
    expect(log.error).toHaveBeenCalledTimes(1)
  })

  test('may be an unreadable file', async () => {
    await mkdir(file)
    await workers.scan()
    expect(log.error).toHaveBeenCalledWith(
      { file, faults: [expect.stringContaining('EISDIR')] },
      expect.any(String),
    )
  })
})

test('uses the file even if its copy cannot be saved', async () => {
  await rm(join(folder, 'home'), { recursive: true })
  await writeFile(file, textOf(entry('a')))
  await workers.scan()
  expect(states()).toEqual([['a', 'AVAILABLE', null]])
  expect(log.warn).toHaveBeenCalledTimes(1)
})

test('reports keys without effect', async () => {
  await writeFile(file, textOf(entry('a', { retries: 3 })))
  await workers.scan()
  const ignored = [`${file}:11: workers[0].retries: has no effect here`]
  expect(log.warn).toHaveBeenCalledWith({ file, ignored }, expect.any(String))
})

test('a worker is an ERROR until its folder and its interpreter exist', async () => {
  await workers.close()
  workers = open(200)
  await writeFile(file, textOf(entry('a', { venv_python: 'venv/python' })))
  await rename(join(folder, 'project'), join(folder, 'away'))
  await workers.scan()
  const noFolder = 'project_path: the folder ./project does not exist (relative to the folder of the file)'
  expect(states()).toEqual([['a', 'ERROR', noFolder]])
  await rename(join(folder, 'away'), join(folder, 'project'))
  await mkdir(join(folder, 'venv'))
  await writeFile(join(folder, 'venv/python'), '', { mode: 0o644 })
  await workers.scan()
  expect(states()).toEqual([
    ['a', 'ERROR', 'venv_python: the program venv/python is missing or not executable'],
  ])
  expect(workers.available(nobody)).toEqual([])
  await chmod(join(folder, 'venv/python'), 0o755)
  // No scan is requested and no event reports such a change, so the agent checks again by itself.
  await vi.waitFor(() => expect(states()).toEqual([['a', 'AVAILABLE', null]]), 3000)
})

test('a name that is taken or disabled is not offered', async () => {
  await writeFile(file, textOf(entry('Text.Stats'), entry('b')))
  await workers.scan()
  const taken = new Set(['text-stats'])
  expect(workers.available(taken).map(({ name }) => name)).toEqual(['b'])
  expect(workers.inventory(taken).map(({ status }) => status)).toEqual(['ERROR', 'AVAILABLE'])
  workers.setEnabled({ b: 'disabled' })
  expect(workers.available(taken)).toEqual([])
  workers.setEnabled({ b: 'enabled' })
  expect(workers.available(taken).map(({ name }) => name)).toEqual(['b'])
})

describe('a run', () => {
  let watchdog: Watchdog
  beforeAll(() => {
    watchdog = startWatchdog()
  })
  afterAll(() => watchdog.close())

  test('gets its task on standard input; its answer is reported and logged', async () => {
    await writeFile(file, textOf(entry('A.b', { function: 'go', env: { TOKEN: '${TOKEN}' } })))
    await workers.scan()
    const [worker] = workers.available(nobody)
    if (!worker) throw new Error('no worker')
    const grant: Grant = {
      run: 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV.1',
      module: { name: 'a-b', version: '1.0.0', digest: worker.digest },
      inputs: { params: { value: { page: 1 } } },
      outputs: {},
      timeoutSeconds: 30,
      task: { priority: 'low', createdAt: '2026-11-21T00:00:00.000Z' },
    }
    const logger = pino({ level: 'silent' })
    const result = await produceResult(
      {
        runsDir: join(folder, 'runs'),
        find: workers.find,
        openLog: (_, path) => new RunLog({ path, publish: async () => true, isOpen: () => true, logger }),
        onProgress: () => undefined,
        watchdog,
        threads: 1,
        own: process.env,
        agentId: () => 'agt_1',
        logger,
      },
      { grant, again: async () => grant },
      new Stop(),
    )
    const task = { id: 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV', type: 'A.b', params: { page: 1 } }
    const metadata = { priority: 'low', created_at: '2026-11-21T00:00:00.000Z', worker_id: 'agt_1' }
    expect(result).toMatchObject({
      outcome: 'succeeded',
      error: null,
      outputs: {
        result: { value: { task: { ...task, metadata }, argv: ['go'], token: 'secret', home: true } },
      },
    })
    const lines = (await readFile(result?.logFile ?? '', 'utf8')).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).line)).toEqual(['at work', 'INFO done'])
  })
})

test('modules and workers appear as one list of programs', async () => {
  await writeFile(file, textOf(entry('a'), entry('b')))
  const named = { name: 'a', version: '1.0.0', digest: 'd' }
  const catalogue = {
    ...{
      scan: vi.fn(),
      prune: vi.fn(),
      retry: vi.fn(),
      test: vi.fn(),
      gpusChanged: vi.fn(),
      variablesChanged: vi.fn(),
      setEnabled: vi.fn(),
      close: vi.fn(),
    },
    inventory: () => [{ ...named, status: 'ERROR' as const, manifest: null, path: '/a' }],
    find: () => null,
    available: () => [],
  }
  const programs = programsOf(catalogue, workers)
  await programs.scan()
  expect(programs.inventory().map(({ name, status }) => [name, status])).toEqual([
    ['a', 'ERROR'],
    ['a', 'ERROR'],
    ['b', 'AVAILABLE'],
  ])
  const [only] = programs.available()
  expect(programs.find('b', '1.0.0', only?.digest ?? '')).toBe(only)
  programs.setEnabled({ b: 'disabled' })
  expect([programs.available(), catalogue.setEnabled.mock.calls]).toEqual([[], [[{ b: 'disabled' }]]])
  catalogue.scan.mockRejectedValue(new Error('no folder'))
  await expect(programs.scan()).rejects.toThrow('no folder')
  await programs.close()
  expect(catalogue.close).toHaveBeenCalled()
})
