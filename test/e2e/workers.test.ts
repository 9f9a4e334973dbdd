// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the file, not of this program
import { execFileSync } from 'node:child_process'
import { cp, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { TaskToCreate } from '@millrace/client'
import type { Json, TaskId } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Installation, installation } from '../support/installation.ts'
import { processesOfTask } from '../support/processes-of.ts'
import { until } from '../support/until.ts'

/** The owner's own file, with small programs where it says that his are. */

const ownersFile = resolve(import.meta.dirname, '../samples/workers.yaml')
const program = resolve(import.meta.dirname, '../workers/worker.py')
const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
}).trim()

const programs = [
  ['Source/Video/YouTube/Video', 'video_scraper', 'bin/python'],
  ['Source/Text/Reddit/Posts', 'reddit_scraper', 'Scripts/python.exe'],
  ['Classification', 'classifier', 'bin/python'],
] as const

let here: Installation
let file: string
beforeAll(async () => {
  here = await installation(['text-stats'], {
    agent: { MAX_RUNS: '4', REDDIT_TOKEN: 'a-secret-of-the-owner', TASKMANAGER_API_KEY: 'another-secret' },
  })
  file = join(here.agent.home, 'workers.yaml')
  for (const [folder, name, interpreter] of programs) {
    const project = join(here.agent.home, folder)
    await mkdir(join(project, 'src/workers'), { recursive: true })
    await cp(program, join(project, 'src/workers', `${name}.py`))
    await mkdir(dirname(join(project, 'venv', interpreter)), { recursive: true })
    await symlink(python, join(project, 'venv', interpreter))
  }
  await cp(ownersFile, file)
  await here.agent.available(here.client, ['prismq-youtube-videoscrape', 'prismq-classification-detectstory'])
})
afterAll(() => here?.close())

type Params = Record<string, Json>
type More = Partial<Omit<TaskToCreate, 'inputs'>>
const create = (params: Params, more: More = {}) =>
  here.client.createTask({
    module: 'PrismQ.YouTube.VideoScrape',
    inputs: { params },
    maxAttempts: 1,
    ...more,
  })

const ended = (id: TaskId) =>
  until('it has ended', 40, async () => {
    const task = await here.client.task(id, 10)
    return task.finishedAt !== null && task
  })

const run = async (params: Params, more: More = {}) => ended((await create(params, more)).id)

async function linesOf(task: TaskId): Promise<string[]> {
  const lines = await here.client.runLog(`${task}.1`)
  return lines.map(({ stream, line }) => `${stream}: ${line}`)
}

/** As many editors save: into a new file, which is renamed into place. */
async function save(text: string): Promise<void> {
  await writeFile(`${file}~`, text)
  await rename(`${file}~`, file)
}

const entryOf = async (name: string) => (await here.client.module(name)).agents[0]
const saw = (words: string) => () => here.agent.program.lines.some((line) => line.includes(words))

describe("the owner's file", () => {
  test('makes a module of each task type, found under its own name and under the original', async () => {
    const { items } = await here.client.listModules({ limit: 200 })
    const configured = items.filter(({ name }) => name !== 'text-stats')
    expect(configured.map(({ name, status }) => [name, status])).toEqual(
      [
        'prismq-classification-categorize',
        'prismq-classification-detectstory',
        'prismq-reddit-postscrape',
        'prismq-reddit-subredditscrape',
        'prismq-youtube-videoanalysis',
        'prismq-youtube-videoscrape',
      ].map((name) => [name, 'AVAILABLE']),
    )
    const module = await here.client.module('PrismQ.Reddit.PostScrape')
    expect(module).toEqual(await here.client.module('prismq-reddit-postscrape'))
    expect(module).toMatchObject({
      name: 'prismq-reddit-postscrape',
      originalName: 'PrismQ.Reddit.PostScrape',
      version: '1.0.0',
      description: 'Scrapes Reddit posts and comments',
      inputs: [{ key: 'params', type: 'json', required: false }],
      outputs: [{ key: 'result', type: 'json' }],
      timeoutSeconds: 180,
      maxAttempts: 4,
    })
    await until('the agent says what it does not need', 5, saw('task_manager: has no effect here'))
  })

  test('gives the program its task on standard input, and an environment without the agent’s own', async () => {
    const before = Date.now()
    const task = await run({ page: 'https://example.org/ü' }, { priority: 'high', maxAttempts: undefined })
    expect(task).toMatchObject({
      status: 'succeeded',
      module: 'prismq-youtube-videoscrape',
      maxAttempts: 4,
      result: {
        result: {
          task: {
            id: task.id,
            type: 'PrismQ.YouTube.VideoScrape',
            params: { page: 'https://example.org/ü' },
            metadata: { priority: 'high', created_at: task.createdAt, worker_id: task.agentId },
          },
          argv: ['main'],
          cwd: join(here.agent.home, 'Source/Video/YouTube/Video'),
          env: { MILLRACE_TASK_ID: task.id, PYTHONUNBUFFERED: '1', PYTHONUTF8: '1' },
        },
      },
    })
    expect(Date.parse(task.createdAt)).toBeGreaterThanOrEqual(before - 2000)
    for (const secret of ['a-secret-of-the-owner', 'another-secret', 'MILLRACE_AGENT_KEY'])
      expect(JSON.stringify(task.result)).not.toContain(secret)
    const lines = await linesOf(task.id)
    expect(lines.filter((line) => line.startsWith('stderr'))).toEqual(['stderr: a warning'])
    expect(lines.filter((line) => line.startsWith('stdout'))).toEqual([
      'stdout: connecting …',
      'stdout: {"status": "connected"}',
      'stdout: {"status": "connection closed"}',
      'stdout: INFO 3 pages',
    ])
  })

  test('keeps the password of NATS and secrets of the agent out of errors that a program reports', async () => {
    const { NATS_AGENT_PASSWORD = '' }: Record<string, string> = inject('servers')
    const secrets = { password: NATS_AGENT_PASSWORD, variable: 'a-secret-of-the-owner' }
    for (const [what, secret] of Object.entries(secrets)) {
      const error = { message: `${what} ${secret}.`, retry_possible: false }
      const task = await run({ do: 'fail', error })
      expect(task.error?.message).toBe(`${what} ***.`)
    }
  })

  test('has names that lists, grants, runs and switches take as they are', async () => {
    const call = (path: string, body: object) =>
      fetch(`${here.api.url}${path}`, {
        method: 'POST',
        headers: { authorization: 'Bearer an-admin-key-for-tests', 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const module = 'PrismQ.YouTube.VideoAnalysis'
    const accepted = await call(`/api/modules/${module}/run`, { inputs: {} })
    expect(accepted.status).toBe(202)
    const { items } = await here.client.listTasks({ module })
    expect(items.map(({ id, module }) => [id, module])).toEqual([
      [(await accepted.json()).taskId, 'prismq-youtube-videoanalysis'],
    ])
    for (const kind of ['disable', 'enable'])
      expect((await call(`/api/modules/${module}/${kind}`, {})).status, kind).toBe(202)
    const limits = { maxUploads: 0, maxUploadBytes: 0, maxTasks: 1 }
    const expiresAt = new Date(Date.now() + 60_000).toISOString()
    const granted = await call('/api/grants', { ...limits, modules: [module], expiresAt })
    expect(await granted.json()).toMatchObject({ grant: { modules: ['prismq-youtube-videoanalysis'] } })
    expect((await call('/api/tasks', { module: 'PrismQ.YouTube.Nothing' })).status).toBe(422)
    expect((await call('/api/tasks', { module: 'PRISMQ.YouTube.VideoAnalysis' })).status).toBe(422)
  })

  test('lets a task be made without params, and of another worker', async () => {
    const module = 'prismq-classification-categorize'
    const task = await ended((await here.client.createTask({ module })).id)
    expect(task).toMatchObject({
      status: 'succeeded',
      maxAttempts: 3,
      result: { result: { task: { type: 'PrismQ.Classification.Categorize', params: {} } } },
    })
  })

  test('says how often a task is tried', async () => {
    const params = { do: 'exit', code: 1 }
    const module = 'PrismQ.Classification.DetectStory'
    const backoff = { initialSeconds: 0 }
    const task = await ended((await here.client.createTask({ module, inputs: { params }, backoff })).id)
    expect(task).toMatchObject({ status: 'failed', attempt: 3, maxAttempts: 3 })
  })
})

const ends: [params: Params, error: object][] = [
  [
    { do: 'fail', error: { retry_possible: false } },
    { code: 'module_error', retryable: false, message: 'come back later', detail: { type: 'Quota' } },
  ],
  [
    { do: 'fail', error: { retry_possible: true }, code: 2 },
    { code: 'module_error', retryable: true },
  ],
  [
    { do: 'fail', error: {}, code: 2 },
    { code: 'module_error', retryable: false },
  ],
  [
    { do: 'exit', code: 0 },
    { code: 'bad_output', retryable: false },
  ],
  [
    { do: 'exit', code: 1 },
    { code: 'module_error', retryable: true },
  ],
  [
    { do: 'exit', code: 2 },
    { code: 'module_error', retryable: false },
  ],
  [
    { do: 'exit', code: 3 },
    { code: 'timed_out', retryable: true },
  ],
  [{ do: 'too-long' }, { code: 'bad_output', message: expect.stringContaining('is longer than 1 MiB') }],
]

describe('a worker that', () => {
  test.each(ends)('ends with %j', async (params, error) => {
    const task = await run(params)
    expect(task.status).toBe('failed')
    expect(task.error).toMatchObject(error)
    expect(task.result).toBeNull()
  })

  test('raises leaves its traceback in the error and in the log', async () => {
    const task = await run({ do: 'raise' })
    expect(task.error).toMatchObject({
      code: 'module_error',
      message: 'no such page',
      retryable: true,
      detail: { type: 'ValueError', traceback: expect.stringContaining('raise ValueError') },
    })
    const lines = await linesOf(task.id)
    expect(lines).toContain('stderr: ValueError: no such page')
    expect(lines).toContain('stderr: Traceback (most recent call last):')
  })

  test('floods its log keeps a result that is too long to travel inline', async () => {
    const task = await run({ do: 'flood' })
    expect(task).toMatchObject({ status: 'succeeded', result: { result: { data: expect.any(String) } } })
    expect((await here.client.run(`${task.id}.1`)).log).toMatchObject({ truncated: true })
  })

  test('heeds SIGTERM is gone at once when its task is cancelled', async () => {
    const { id } = await create({ do: 'sleep', seconds: 600 })
    await until('it is at work', 20, async () => (await linesOf(id)).includes('stdout: at work'))
    const asked = Date.now()
    await here.client.cancelTask(id)
    expect(await ended(id)).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } })
    expect(Date.now() - asked).toBeLessThan(4000)
    expect(await linesOf(id)).toContain('stdout: asked to stop')
    expect(await processesOfTask(id)).toEqual([])
  })

  test('ignores SIGTERM is killed with all its children, after its time', async () => {
    const task = await run({ do: 'ignore-sigterm' }, { timeoutSeconds: 1 })
    expect(task).toMatchObject({ status: 'failed', error: { code: 'timed_out', retryable: true } })
    expect(await here.client.run(`${task.id}.1`)).toMatchObject({ status: 'timed_out', signal: 'SIGKILL' })
    expect(await processesOfTask(task.id)).toEqual([])
  })
})

describe('a change of the file', () => {
  test('lets runs end as they began, and counts for those that come', async () => {
    const before = await here.client.module('PrismQ.YouTube.VideoScrape')
    const running = await create({ do: 'sleep', seconds: 2, marker: 'old' })
    await until('it is at work', 20, async () => (await linesOf(running.id)).includes('stdout: at work'))
    const text = await readFile(ownersFile, 'utf8')
    await save(
      text
        .replace(
          'function: "main"',
          'function: "second"\n    max_concurrent: 1\n    env: { TOKEN: "t-${REDDIT_TOKEN}" }',
        )
        .replace('"PrismQ.YouTube.VideoAnalysis"', '"PrismQ.YouTube.Comments"'),
    )
    await until('the change is known', 10, async () => {
      const { digest } = await here.client.module('PrismQ.YouTube.VideoScrape')
      return digest !== before.digest
    })
    const first = await run({ marker: 'new' })
    expect(first.result).toMatchObject({
      result: { argv: ['second'], env: { TOKEN: 't-a-secret-of-the-owner' } },
    })
    const message = 'it is t-a-secret-of-the-owner'
    const failed = await run({ do: 'fail', error: { message, retry_possible: false } })
    expect(failed.error?.message).toBe('it is ***')
    expect(await ended(running.id)).toMatchObject({
      status: 'succeeded',
      result: { result: { argv: ['main'], marker: 'old' } },
    })
    const { items } = await here.client.listModules({ limit: 200 })
    const names = items.map(({ originalName }) => originalName)
    expect(names).toContain('PrismQ.YouTube.Comments')
    expect(names).not.toContain('PrismQ.YouTube.VideoAnalysis')
  })

  test('keeps to as many runs of a worker at once as it says, while others go on', async () => {
    const both = [await create({ do: 'sleep', seconds: 0.5 }), await create({ do: 'sleep', seconds: 0.5 })]
    const other = await ended((await here.client.createTask({ module: 'prismq-reddit-postscrape' })).id)
    expect(other.status).toBe('succeeded')
    const [one, two] = await Promise.all(both.map(({ id }) => ended(id)))
    expect([one?.status, two?.status]).toEqual(['succeeded', 'succeeded'])
    const times = [one, two].map((task) => [
      Date.parse(task?.startedAt ?? ''),
      Date.parse(task?.finishedAt ?? ''),
    ])
    times.sort(([a = 0], [b = 0]) => a - b)
    expect(times[1]?.[0]).toBeGreaterThanOrEqual(times[0]?.[1] ?? Number.POSITIVE_INFINITY)
  })

  test('never shows the registry what a variable holds', async () => {
    const text = await readFile(file, 'utf8')
    await save(
      text
        .replace('project_path: "./Classification"', 'project_path: "./Class-${REDDIT_TOKEN}"')
        .replace('"Classifies content', '"Classifies for ${REDDIT_TOKEN}'),
    )
    const entry = await until('its folder is not found', 10, async () => {
      const found = await entryOf('prismq-classification-categorize')
      return found?.error ? found : null
    })
    expect(entry).toMatchObject({ status: 'ERROR', path: './Class-${REDDIT_TOKEN}' })
    expect(entry.error).toContain('the folder ./Class-${REDDIT_TOKEN} does not exist')
    const told = JSON.stringify(await here.store.modules.find({ _id: /^prismq/ }, { limit: 100 }))
    expect(told).toContain('Classifies for ${REDDIT_TOKEN}')
    expect(told).not.toContain('a-secret-of-the-owner')
    expect(told).not.toContain(here.agent.home)
    await save(text)
    await here.agent.available(here.client, ['prismq-classification-categorize'])
  })

  test('with a fault leaves all as it was, and says where the fault is', async () => {
    const good = await readFile(file, 'utf8')
    await save(good.replace('timeout: 180', 'timeout: soon'))
    const line = good.split('\n').findIndex((text) => text.includes('timeout: 180')) + 1
    const fault = `workers.yaml:${line}: workers[1].timeout:`
    const entry = await until('the registry shows it', 10, async () => {
      const found = await entryOf('prismq-youtube-comments')
      return found?.error && found
    })
    expect(entry).toMatchObject({ status: 'AVAILABLE', error: expect.stringContaining(fault) })
    expect(saw(fault)()).toBe(true)
    expect((await run({ marker: 'still' })).result).toMatchObject({ result: { argv: ['second'] } })
  })

  test('and a fault does not lose the workers when the agent restarts', async () => {
    await here.agent.program.stop()
    here.agent.start()
    expect((await run({})).result).toMatchObject({ result: { argv: ['second'] } })
    await save((await readFile(file, 'utf8')).replace('timeout: soon', 'timeout: 180'))
    await until('all is well', 10, async () => (await entryOf('prismq-youtube-comments'))?.error === null)
  })

  test('that names a missing program is an ERROR with the reason, until the program exists', async () => {
    const project = join(here.agent.home, 'Classification')
    await rename(project, `${project}-away`)
    await here.client.scanModules()
    const entry = await until('it is an error', 10, async () => {
      const found = await entryOf('prismq-classification-categorize')
      return found?.status === 'ERROR' && found
    })
    expect(entry.error).toContain('the folder ./Classification does not exist')
    await rename(`${project}-away`, project)
    await here.client.scanModules()
    await here.agent.available(here.client, ['prismq-classification-categorize'])
  })

  test('that claims the name of a module in the modules folder is an ERROR there, and the module goes on', async () => {
    await here.agent.available(here.client, ['text-stats'])
    const text = await readFile(file, 'utf8')
    await save(text.replace('"PrismQ.YouTube.Comments"', '"Text.Stats"'))
    const agents = await until('it is claimed', 10, async () => {
      const module = await here.client.module('text-stats')
      return module.agents.length === 2 && module.agents
    })
    expect(agents.map(({ status }) => status).sort()).toEqual(['AVAILABLE', 'ERROR'])
    expect(agents.find(({ status }) => status === 'ERROR')?.error).toContain('Text.Stats would be called')
    const task = await here.client.createTask({ module: 'text-stats', inputs: { text: 'a b' } })
    expect(await ended(task.id)).toMatchObject({ status: 'succeeded', result: { words: 2 } })
  })

  test('that takes it away takes its modules away', async () => {
    await rename(file, `${file}-away`)
    await until('no worker is left', 10, async () => {
      const { items } = await here.client.listModules()
      return items.map(({ name }) => name).join() === 'text-stats'
    })
  })
})
