import { setTimeout as pause } from 'node:timers/promises'
import type { Task } from '@millrace/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Installation, installation } from '../support/installation.ts'
import { processesOfTask } from '../support/processes-of.ts'
import { expectQuiet } from '../support/quiet.ts'
import { until } from '../support/until.ts'

/** A machine that sleeps: the agent's process stands still, and so do those of its modules. */
describe.each(['jetstream', 'http'])('over %s', (queue) => {
  let here: Installation
  beforeAll(async () => {
    here = await installation(['misbehave'], {
      agent: { MILLRACE_QUEUE: queue, MAX_RUNS: '2' },
      api: { SESSION_TTL_SECONDS: '60', HEARTBEAT_SECONDS: '20' },
    })
    await here.agent.available(here.client)
  })
  afterAll(() => here?.close())

  const create = (inputs: Record<string, string | number>, timeoutSeconds: number) =>
    here.client.createTask({ module: 'misbehave', inputs, timeoutSeconds, maxAttempts: 1 })
  const ended = (id: Task['id']) =>
    until(`task ${id} has ended`, 60, async () => {
      const task = await here.client.task(id, 5)
      return task.finishedAt !== null && task
    })
  const told = (text: string) => here.agent.program.lines.filter((line) => line.includes(text)).length
  const lastSeen = async () => (await here.store.agents.find({}, { limit: 1 }))[0]?.lastSeenAt.getTime() ?? 0

  async function running(inputs: Record<string, string | number>, timeoutSeconds: number) {
    const { id } = await create(inputs, timeoutSeconds)
    const pid = await until('it runs', 30, async () => (await processesOfTask(id))[0])
    return { id, pid }
  }
  /** Long enough that every time limit of the task has passed by the wall clock. */
  async function sleep(seconds: number, pids: number[]): Promise<void> {
    const all = [here.agent.program.pid, ...pids]
    for (const pid of all) process.kill(pid, 'SIGSTOP')
    await pause(seconds * 1000)
    for (const pid of all.toReversed()) process.kill(pid, 'SIGCONT')
  }

  test('is noticed, reported to the API at once, and not counted as time of the run', async () => {
    const { id, pid } = await running({ do: 'count-awake', seconds: 4 }, 8)
    const before = told('awake again after a sleep')
    await sleep(12, [pid])
    const awake = Date.now()
    await until('it says so', 5, () => told('awake again after a sleep') === before + 1)
    await until('the API has heard of it', 5, async () => (await lastSeen()) >= awake)
    expect(await ended(id)).toMatchObject({ status: 'succeeded', attempt: 1 })
    const next = await create({ do: 'behave' }, 30)
    expect(await ended(next.id)).toMatchObject({ status: 'succeeded', attempt: 1 })
    await expectQuiet(here.store, [id, next.id])
  })

  test('does not lengthen the time that a run has while the machine is awake', async () => {
    const { id, pid } = await running({ do: 'sleep', seconds: 60 }, 4)
    await sleep(8, [pid])
    const awake = Date.now()
    expect(await ended(id)).toMatchObject({ status: 'failed', error: { code: 'timed_out' } })
    expect(Date.now() - awake).toBeLessThan(12_000)
    await expectQuiet(here.store, [id])
  })
})
