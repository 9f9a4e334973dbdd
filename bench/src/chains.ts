import { performance } from 'node:perf_hooks'
import { type BatchTaskToCreate, type Client, connect } from '@millrace/client'
import type { Bench } from './bench.ts'

const size = Number(process.env.BENCH_TASKS ?? 1_000)
const task = (ref: string, after: string[] = []): BatchTaskToCreate => ({
  ref,
  module: 'text-stats',
  inputs: { text: 'work for the wheel' },
  after,
})
const refs = Array.from({ length: size }, (_, at) => `t${at}`)
const middle = refs.slice(1, -1)

const shapes: Record<string, () => BatchTaskToCreate[]> = {
  independent: () => refs.map((ref) => task(ref)),
  chain: () => refs.map((ref, at) => task(ref, at === 0 ? [] : [`t${at - 1}`])),
  'fan-out, fan-in': () => [
    task('first'),
    ...middle.map((ref) => task(ref, ['first'])),
    task('last', middle),
  ],
}

/**
 * The same tasks, one at a time on a real agent: independent, in a chain, and all after one and before one. Independent
 * tasks are measured first and last, so that other load on the machine shows.
 */
export async function chains({ installation }: Bench): Promise<void> {
  const client = connect({ url: installation.url, key: installation.adminKey })
  await client.changeSettings({ maxRunningTasks: 1 })
  await measure(client, shapes.independent?.().slice(0, 200) ?? []) // until all is warm
  const times = new Map<string, number[]>()
  for (const name of ['independent', 'chain', 'fan-out, fan-in', 'independent']) {
    const ms = await measure(client, shapes[name]?.() ?? [])
    times.set(name, [...(times.get(name) ?? []), ms])
    process.stdout.write(`${name.padEnd(16)} ${ms.toFixed(1)} ms a task\n`)
  }
  const own = times.get('independent') ?? []
  const base = own.reduce((sum, ms) => sum + ms, 0) / own.length
  for (const name of ['chain', 'fan-out, fan-in'])
    process.stdout.write(
      `${name.padEnd(16)} ratio ${((times.get(name)?.[0] ?? 0) / base).toFixed(2)} of independent tasks\n`,
    )
}

/** Milliseconds per task, from the moment when the tasks may run to the end of the last one. */
async function measure(client: Client, tasks: BatchTaskToCreate[]): Promise<number> {
  await client.changeSettings({ maxRunningTasks: 0 })
  const made = Object.values(await client.createTasks(tasks))
  while (
    (await client.task(made.at(-1)?.id ?? 'tsk_')).status === 'blocked' &&
    tasks.at(-1)?.after?.length === 0
  );
  await settled(client, made.length)
  const start = performance.now()
  await client.changeSettings({ maxRunningTasks: 1 })
  for (const { id } of made.reverse()) {
    let task = await client.task(id, 60)
    while (task.finishedAt === null) task = await client.task(id, 60)
    if (task.status !== 'succeeded') throw new Error(`${id} ${task.status}: ${task.error?.message}`)
  }
  return (performance.now() - start) / made.length
}

/** Resolves when all are admitted: ready, or waiting for others. */
async function settled(client: Client, count: number): Promise<void> {
  for (;;) {
    const { tasks } = await client.summary()
    if (tasks.planned >= count) return
  }
}
