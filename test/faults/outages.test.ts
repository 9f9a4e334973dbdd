import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Task } from '@millrace/client'
import { startMongo, startNats } from '@millrace/infra'
import { afterEach, expect, test } from 'vitest'
import { type Installation, installation } from '../support/installation.ts'
import { processesOfTask } from '../support/processes-of.ts'
import { expectQuiet } from '../support/quiet.ts'
import { until } from '../support/until.ts'

let here: Installation
let cleanUp: (() => Promise<void>)[] = []
afterEach(async () => {
  await here?.close()
  for (const step of cleanUp) await step()
  cleanUp = []
})

async function ownHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-outage-'))
  cleanUp.push(() => rm(home, { recursive: true, force: true }))
  return home
}

const ended = (id: Task['id'], seconds = 90) =>
  until(`task ${id} has ended`, seconds, async () => {
    const task = await here.client.task(id, 5)
    return task.finishedAt !== null && task
  })

const sleeper = async (seconds: number) => {
  const task = await here.client.createTask({ module: 'misbehave', inputs: { do: 'sleep', seconds } })
  await until(
    'it runs',
    30,
    async () =>
      (await here.client.task(task.id)).status === 'running' && (await processesOfTask(task.id)).length > 0,
  )
  return task
}

test('kill -9 of the agent in the middle of a run: a restarted agent finishes the task, attempt 2, one result', async () => {
  here = await installation(['misbehave'])
  await here.agent.available(here.client)
  const task = await sleeper(3)
  here.agent.program.kill('SIGKILL')
  await here.agent.program.ended
  here.agent.start()
  expect(await ended(task.id)).toMatchObject({ status: 'succeeded', attempt: 2, currentRun: `${task.id}.2` })
  expect(await here.client.run(`${task.id}.1`)).toMatchObject({
    status: 'lost',
    willRetry: true,
    nextRunId: `${task.id}.2`,
  })
  await expectQuiet(here.store, [task.id])
})

test('kill -9 of the agent and none restarted: no module process lives 25 s later', async () => {
  here = await installation(['misbehave'])
  await here.agent.available(here.client)
  const task = await here.client.createTask({
    module: 'misbehave',
    inputs: { do: 'ignore-sigterm', seconds: 600 },
  })
  await until('it runs', 30, async () => (await processesOfTask(task.id)).length > 0)
  here.agent.program.kill('SIGKILL')
  await until('its processes are gone', 25, async () => (await processesOfTask(task.id)).length === 0)
})

test('NATS away for a minute while tasks are created: accepted, and run when it is back', async () => {
  const home = await ownHome()
  const nats = await startNats({ home })
  let current = nats
  cleanUp.push(() => current.stop())
  here = await installation(['text-stats'], { servers: nats.env })
  await here.agent.available(here.client)
  await nats.stop()
  const created = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      here.client.createTask({ module: 'text-stats', inputs: { text: `task ${n}` } }),
    ),
  )
  expect(created.every((task) => task.status === 'queued')).toBe(true)
  await pause(60_000)
  current = await startNats({ home, env: { ...process.env, ...nats.portSetting } })
  for (const task of created)
    expect(await ended(task.id)).toMatchObject({ status: 'succeeded', result: { words: 2 } })
  await expectQuiet(
    here.store,
    created.map((task) => task.id),
  )
})

test('API away for 40 s during a run: the run goes on and its result counts', async () => {
  here = await installation(['misbehave'])
  await here.agent.available(here.client)
  const task = await sleeper(10)
  here.api.program.kill('SIGKILL')
  await here.api.program.ended
  await pause(40_000)
  expect(await processesOfTask(task.id)).toEqual([])
  await here.api.start()
  expect(await ended(task.id)).toMatchObject({ status: 'succeeded', attempt: 1, currentRun: `${task.id}.1` })
  await expectQuiet(here.store, [task.id])
})

test('kill -9 of the database, 20 times while tasks run: no acknowledged task is lost, each ends once', async () => {
  const home = await ownHome()
  const mongo = await startMongo({ home })
  let current = mongo
  cleanUp.push(() => current.stop())
  here = await installation(['text-stats'], { servers: mongo.env })
  await here.agent.available(here.client)
  const created: Task['id'][] = []
  for (let round = 0; round < 20; round += 1) {
    let down = false
    const creating = (async () => {
      while (!down)
        created.push(
          (
            await here.client.createTask(
              { module: 'text-stats', inputs: { text: 'one two' } },
              crypto.randomUUID(),
            )
          ).id,
        )
    })()
    const before = created.length
    await until('some were created', 30, () => created.length >= before + 8)
    process.kill(current.pid ?? 0, 'SIGKILL')
    await current.ended
    current = await startMongo({ home, env: { ...process.env, ...mongo.portSetting } })
    down = true
    await creating
  }
  expect(new Set(created).size).toBeGreaterThan(150)
  for (const id of created)
    expect(await ended(id)).toMatchObject({ status: 'succeeded', result: { words: 2 } })
  await expectQuiet(here.store, created)
}, 600_000)
