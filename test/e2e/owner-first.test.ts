import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { type Installation, installation } from '../support/installation.ts'
import { expectQuiet } from '../support/quiet.ts'
import { until } from '../support/until.ts'

/** The machine is its owner's: pauses by command, by the clock and for other programs; GPU memory given back. */

const root = resolve(import.meta.dirname, '../..')
const cli = join(root, 'packages/cli/src/main.ts')
const simulation = join(root, 'packages/agent/simulation')
const run = promisify(execFile)

let here: Installation
let gpu: string | undefined
afterEach(async () => {
  await here?.close()
  if (gpu) await rm(gpu, { recursive: true, force: true })
  gpu = undefined
})

const home = () => join(here.agent.home, 'agent')
const millrace = async (...args: string[]) =>
  (await run(process.execPath, [cli, 'agent', ...args, '--home', home()])).stdout
const agents = async () => (await here.client.listAgents()).items
const status = async () => (await agents())[0]?.status

const create = (deed: string, seconds = 0) =>
  here.client.createTask({ module: 'warm-probe', inputs: { do: deed, seconds } })
const statusOf = async (id: Parameters<typeof here.client.task>[0]) => (await here.client.task(id)).status
const ended = (id: Parameters<typeof here.client.task>[0]) =>
  until(`${id} has ended`, 60, async () => {
    const task = await here.client.task(id, 10)
    return task.finishedAt !== null && task
  })

test('millrace agent pause takes the machine back within seconds, over a restart too; resume gives it', async () => {
  here = await installation(['warm-probe'])
  await here.agent.available(here.client)
  const long = await create('hang', 600)
  await until('it runs', 30, async () => (await statusOf(long.id)) === 'running')
  const before = performance.now()
  expect(await millrace('pause', '2h', '--note', 'a game')).toMatch(/paused by its owner until .* \(a game\)/)
  await until('the run is gone', 10, async () => !(await millrace('status')).includes(long.id))
  expect(await millrace('status')).not.toContain('warm  ')
  expect(performance.now() - before).toBeLessThan(10_000)
  await until('the API knows', 15, async () => (await status()) === 'paused')
  expect(await statusOf(long.id)).toBe('queued')
  const reasons = (await here.client.why(long.id)).map(({ reason }) => reason)
  expect(reasons).toContain('paused')
  await here.agent.program.stop()
  here.agent.start()
  await until('it is back', 30, async () => /paused by its owner/.test(await millrace('status')))
  await here.client.cancelTask(long.id)
  const next = await create('answer')
  expect(await millrace('resume')).toContain('state    working')
  expect(await ended(next.id)).toMatchObject({ status: 'succeeded' })
  await expectQuiet(here.store, [long.id, next.id])
})

test('with --finish running tasks end first, a drain hands back after its time, wrong words are refused', async () => {
  here = await installation(['warm-probe'], { agent: { DRAIN_SECONDS: '1' } })
  await here.agent.available(here.client)
  const short = await create('hang', 3)
  await until('it runs', 30, async () => (await statusOf(short.id)) === 'running')
  await millrace('pause', '--finish')
  expect(await ended(short.id)).toMatchObject({ status: 'succeeded', attempt: 1 })
  await millrace('resume')
  const long = await create('hang', 600)
  await until('it runs', 30, async () => (await statusOf(long.id)) === 'running')
  expect(await millrace('drain')).toContain('draining by its owner')
  await until('it is handed back', 30, async () => (await statusOf(long.id)) === 'queued')
  await here.client.cancelTask(long.id)
  await expect(millrace('pause', 'soon')).rejects.toThrow(/"soon" is no length of time; write 30m, 2h/)
  const nobody = run(process.execPath, [cli, 'agent', 'status', '--home', tmpdir()])
  await expect(nobody).rejects.toThrow(/no agent runs with the folder/)
})

test('the local server answers this machine, accepts commands only with the token, and serves metrics', async () => {
  here = await installation(['warm-probe'])
  await here.agent.available(here.client)
  const { url, token } = JSON.parse(await readFile(join(home(), 'control.json'), 'utf8'))
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:/)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^millrace_agent_runs_max 2$/m)
  const post = (path: string, headers: Record<string, string>, body = '{}') =>
    fetch(`${url}${path}`, { method: 'POST', headers, body }).then((answer) => answer.status)
  const known = { authorization: `Bearer ${token}` }
  expect(await post('/pause', {})).toBe(401)
  expect(await post('/pause', { authorization: 'Bearer guessed' })).toBe(401)
  expect(await post('/pause', { ...known, origin: 'http://evil.example' })).toBe(403)
  expect(await post('/pause', known, '{"until": "soon"}')).toBe(422)
  expect(await post('/pause', known, 'rubbish')).toBe(422)
  expect(await post('/nothing', known)).toBe(404)
  expect(await status()).toBe('online')
})

test('other programs on the GPU make it rest, and their end makes it work again; without a GPU its modules wait', async () => {
  gpu = await mkdtemp(join(tmpdir(), 'millrace-gpu-'))
  await mkdir(join(gpu, 'holds'))
  here = await installation([], {
    agent: {
      PATH: `${simulation}${delimiter}${process.env.PATH}`,
      SIMULATED_GPU: gpu,
      PAUSE_ABOVE_GPU_GB: '4',
    },
  })
  const module = join(here.agent.modulesDir, 'on-gpu')
  await mkdir(module)
  await writeFile(
    join(module, 'module.json'),
    JSON.stringify({
      name: 'on-gpu',
      version: '1.0.0',
      resources: { uses_gpu: true, min_vram_mb: 8000 },
      outputs: [{ key: 'gpu', type: 'text' }],
    }),
  )
  await writeFile(join(module, 'test_data.json'), '{"inputs": {}}')
  await writeFile(
    join(module, 'main.py'),
    'import json, os\nprint(json.dumps({"status": "success", "outputs": {"gpu": os.environ["CUDA_VISIBLE_DEVICES"]}}))\n',
  )
  await here.agent.available(here.client, ['on-gpu'])
  const first = await here.client.createTask({ module: 'on-gpu', inputs: {} })
  expect(await ended(first.id)).toMatchObject({ status: 'succeeded', result: { gpu: 'GPU-simulated' } })
  await writeFile(join(gpu, 'foreign'), '20000')
  await until(
    'it rests',
    30,
    async () => (await agents())[0]?.rest?.note?.includes('other programs') === true,
  )
  const [agent] = await agents()
  expect(agent).toMatchObject({ status: 'paused', rest: { by: 'owner' } })
  expect(agent?.gpus[0]?.foreignBytes).toBe(20_000 * 1024 * 1024)
  const second = await here.client.createTask({ module: 'on-gpu', inputs: {} })
  await writeFile(join(gpu, 'foreign'), '0')
  expect(await ended(second.id)).toMatchObject({ status: 'succeeded' })
  await here.agent.program.stop()
  here.agent.start({ PATH: process.env.PATH ?? '', SIMULATED_GPU: '' })
  const third = await here.client.createTask({ module: 'on-gpu', inputs: {} })
  await until('it knows why', 30, async () =>
    (await here.client.why(third.id)).some(({ reason }) => reason === 'no_gpu'),
  )
}, 120_000)
