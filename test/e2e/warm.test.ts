import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Task } from '@millrace/client'
import { afterEach, expect, test } from 'vitest'
import { type Installation, installation } from '../support/installation.ts'
import { expectQuiet } from '../support/quiet.ts'
import { until } from '../support/until.ts'

/** Modules that stay loaded, in a real agent. */

let here: Installation
afterEach(() => here?.close())

async function start(agent: Record<string, string> = {}): Promise<void> {
  here = await installation(['warm-probe'], { agent })
  await here.agent.available(here.client)
}

async function run(deed: string, more: object = {}) {
  const { id } = await here.client.createTask({ module: 'warm-probe', inputs: { do: deed }, ...more })
  return until(`"${deed}" has ended`, 60, async () => {
    const task = await here.client.task(id, 10)
    return task.finishedAt !== null && task
  })
}
const pidOf = (task: { result?: unknown }): number => Number(Object(task.result).pid)
const isAlive = async (pid: number): Promise<boolean> =>
  readFile(`/proc/${pid}/stat`, 'latin1').then(
    (stat) => !/\) [ZX] /.test(stat),
    () => false,
  )

test('tasks share one loaded process, with the lines of each in its own log', async () => {
  await start()
  const first = await run('talk')
  const second = await run('answer')
  expect(first).toMatchObject({ status: 'succeeded', result: { served: 1 } })
  expect(second).toMatchObject({ status: 'succeeded', result: { pid: pidOf(first), served: 2 } })
  // Standard error is a separate stream: a line from loading may arrive with the first task.
  const lines = async (id: Task['id']) =>
    (await here.client.runLog(`${id}.1`))
      .map(({ line }) => line)
      .filter((line) => line !== 'loading')
      .sort()
  expect(await lines(first.id)).toEqual(['a bare line', 'a line as a message', 'a warning'])
  expect(await lines(second.id)).toEqual([])
  expect(await run('result-file')).toMatchObject({ status: 'succeeded', result: { served: 3 } })
  expect(await run('say-nan')).toMatchObject({ status: 'failed', error: { code: 'bad_output' } })
  expect(await run('long-line')).toMatchObject({ status: 'failed', error: { code: 'bad_output' } })
  expect(await run('fail')).toMatchObject({
    status: 'failed',
    attempt: 1,
    error: { code: 'module_error', message: 'never', detail: { type: 'Refused' } },
  })
  expect(await run('answer')).toMatchObject({ result: { pid: pidOf(first), served: 7 } })
})

test('a crash fails one attempt; the next has a fresh process, and nothing is left of the old one', async () => {
  await start()
  const before = await run('answer')
  const crashed = await run('crash', { maxAttempts: 2, backoff: { initialSeconds: 0.1 } })
  expect(crashed).toMatchObject({ status: 'failed', attempt: 2, error: { code: 'crashed' } })
  expect(crashed.error?.message).toContain('about to crash')
  expect(await isAlive(pidOf(before))).toBe(false)
  const after = await run('answer')
  expect(after).toMatchObject({ status: 'succeeded', result: { served: 1 } })
  await expectQuiet(here.store, [before.id, crashed.id, after.id])
})

test('a task that runs out of time takes its process along, and so does a cancelled one that does not listen', async () => {
  await start()
  const before = await run('answer')
  const slow = await run('hang', { inputs: { do: 'hang', seconds: 600 }, timeoutSeconds: 1, maxAttempts: 1 })
  expect(slow).toMatchObject({ status: 'failed', error: { code: 'timed_out' } })
  expect(await isAlive(pidOf(before))).toBe(false)
  const { id } = await here.client.createTask({ module: 'warm-probe', inputs: { do: 'wait-for-cancel' } })
  await until('it runs', 30, async () => (await here.client.task(id)).status === 'running')
  await here.client.cancelTask(id)
  await until('it is cancelled', 30, async () => (await here.client.task(id)).status === 'cancelled')
})

test.each([
  ['idle for too long', { WARM_IDLE_SECONDS: '1' }, 'answer'],
  ['after its number of tasks', { WARM_MAX_TASKS: '1' }, 'answer'],
  ['grown too large', {}, 'grow'],
])('a warm process ends: %s', async (_, settings, deed) => {
  await start(settings)
  const first = await run('answer', {})
  const last = deed === 'answer' ? first : await run(deed)
  expect(pidOf(last)).toBe(pidOf(first))
  await until('it is gone', 20, async () => !(await isAlive(pidOf(last))))
  expect(await run('answer')).toMatchObject({ status: 'succeeded', result: { served: 1 } })
})

test('changed code is served by a fresh process, and no time to be idle means a fresh process for each run', async () => {
  await start()
  const first = await run('answer')
  const folder = join(here.agent.modulesDir, 'warm-probe')
  await mkdir(folder, { recursive: true })
  const source = await readFile(join(folder, 'main.py'), 'utf8')
  await writeFile(join(folder, 'main.py'), source.replace('"served": served', '"served": served + 100'))
  const changed = await until('the new code serves', 60, async () => {
    const task = await run('answer')
    return Number(Object(task.result).served) > 100 && task
  })
  expect(pidOf(changed)).not.toBe(pidOf(first))
  await until('the old process is gone', 20, async () => !(await isAlive(pidOf(first))))
  await here.agent.program.stop()
  expect(await isAlive(pidOf(changed))).toBe(false)
  here.agent.start({ WARM_IDLE_SECONDS: '0' })
  await here.agent.available(here.client)
  expect(await run('answer')).toMatchObject({ result: { served: 100 } })
})
