import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Installation, installation } from '../support/installation.ts'
import { processesOfTask } from '../support/processes-of.ts'
import { expectQuiet } from '../support/quiet.ts'
import { until } from '../support/until.ts'

let here: Installation
beforeAll(async () => {
  here = await installation(['misbehave', 'text-stats'])
  await here.agent.available(here.client)
})
afterAll(() => here?.close())

const stubborn = ['ignore-sigterm', 'heed-cancel', 'leave-child', 'detach-grandchild'] as const

async function running(inputs: Record<string, string | number>, more: object = {}) {
  const task = await here.client.createTask({ module: 'misbehave', inputs, maxAttempts: 1, ...more })
  await until(`${task.id} has processes, or had them`, 30, async () => {
    if ((await processesOfTask(task.id)).length > 0) return true
    return (await here.client.task(task.id)).finishedAt !== null
  })
  return task
}

describe('no module process outlives', () => {
  test.each(stubborn)('a cancel (%s)', async (deed) => {
    const task = await running({ do: deed, seconds: 600 })
    await here.client.cancelTask(task.id).catch((error: unknown) => {
      if (deed !== 'leave-child') throw error // this one may have ended by itself meanwhile
    })
    const ended = await until('it has ended', 40, async () => {
      const now = await here.client.task(task.id, 10)
      return now.finishedAt !== null && now
    })
    expect(await processesOfTask(task.id)).toEqual([])
    expect(['cancelled', 'succeeded']).toContain(ended.status)
    if (deed === 'ignore-sigterm' || deed === 'heed-cancel')
      expect(ended).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } })
    await expectQuiet(here.store, [task.id])
  })

  test('a timeout', async () => {
    const task = await running({ do: 'ignore-sigterm', seconds: 600 }, { timeoutSeconds: 2 })
    const ended = await until('it has ended', 40, async () => {
      const now = await here.client.task(task.id, 10)
      return now.finishedAt !== null && now
    })
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'timed_out' } })
    expect(await here.client.run(`${task.id}.1`)).toMatchObject({ status: 'timed_out', willRetry: false })
    expect(await processesOfTask(task.id)).toEqual([])
    await expectQuiet(here.store, [task.id])
  })

  test("the agent's SIGTERM, which hands the task back for the next one", async () => {
    const task = await running({ do: 'sleep', seconds: 4 })
    const { code } = await here.agent.program.stop()
    expect(code).toBe(0)
    expect(await processesOfTask(task.id)).toEqual([])
    expect(await here.client.task(task.id)).toMatchObject({ status: 'queued', attempt: 2 })
    here.agent.start()
    expect(
      await until('it has ended', 60, async () => {
        const now = await here.client.task(task.id, 10)
        return now.finishedAt !== null && now
      }),
    ).toMatchObject({ status: 'succeeded', attempt: 2 })
    await expectQuiet(here.store, [task.id])
  })
})
