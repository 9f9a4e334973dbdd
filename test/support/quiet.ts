import type { ApiPorts } from '@millrace/api'
import { isTerminal } from '@millrace/client'
import { expect } from 'vitest'
import { until } from './until.ts'

type TaskId = Parameters<ApiPorts['store']['tasks']['get']>[0]

/** Nothing is left half done: every task ended once, and nothing of it holds a place or waits in the queue. */
export async function expectQuiet(
  store: ApiPorts['store'],
  ids: readonly TaskId[],
  seconds = 60,
): Promise<void> {
  await until('everything is settled', seconds, async () => {
    const tasks = await store.tasks.many(ids)
    const slots = await store.slots.find({}, { limit: 100 })
    const queue = await store.queue.find({}, { limit: 100 })
    return (
      tasks.length === ids.length &&
      tasks.every((task) => isTerminal(task.status) && task.settle === null) &&
      slots.every((slot) => slot.holders.length === 0) &&
      queue.every((task) => !ids.includes(task._id))
    )
  })
  for (const task of await store.tasks.many(ids)) {
    const ends = task.history.filter((entry) => isTerminal(entry.status))
    expect(ends, `ends of ${task._id}`).toHaveLength(task.round)
    const runs = await store.runs.find({ task: task._id }, { limit: 50 })
    expect(
      runs.filter((run) => run.status === 'queued' || run.status === 'running'),
      `open runs of ${task._id}`,
    ).toEqual([])
    expect(runs.filter((run) => run.status === 'succeeded').length, `successes of ${task._id}`).toBe(
      task.status === 'succeeded' ? 1 : 0,
    )
    const outputs = await store.data.many(Object.values(task.outputs).map((output) => output.data))
    const pending = outputs.filter((item) => item.status === 'pending')
    expect(pending, `pending outputs of ${task._id}`).toEqual([])
  }
}
