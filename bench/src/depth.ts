import { performance } from 'node:perf_hooks'
import { indexes, openStore } from '@millrace/api'
import { connect } from '@millrace/client'
import { RunId, TaskAnswer, TaskId } from '@millrace/shared'
import type { Bench } from './bench.ts'
import { ask } from './http.ts'
import { pretendAgent } from './pretend-agent.ts'
import { median, quantile } from './statistics.ts'

const sizes = (process.env.BENCH_SIZES ?? '10,10000,100000').split(',').map(Number)
const rounds = Number(process.env.BENCH_ROUNDS ?? 40)
const module = 'bench-depth'
const body = { module, inputs: { text: 'x' } }

/** The cost of a submit, a claim and a finish by the number of waiting tasks. */
export async function depth({ installation, databaseUrl }: Bench): Promise<void> {
  const client = connect({ url: installation.url, key: installation.adminKey })
  const agent = await pretendAgent(installation, module)
  const store = openStore(databaseUrl)
  const first = TaskAnswer.parse(await ask(installation, 'POST', '/api/tasks', body)).task
  const task = await store.tasks.get(first.id)
  const run = await store.runs.get(`${first.id}.1`)
  if (!task?.entry || !run) throw new Error('the task that was just made is not in this database')
  const { entry } = task
  await client.changeSettings({ maxRunningTasks: 100 })

  process.stdout.write(`median (p99) of ${rounds} in ms, by tasks that are queued\n`)
  process.stdout.write(
    `${'queued'.padEnd(10)}${['submit', 'claim', 'finish'].map((what) => what.padStart(18)).join('')}\n`,
  )
  let made = 0
  for (const size of sizes) {
    for (; made < size; made += 1_000) {
      const ids = Array.from({ length: Math.min(1_000, size - made) }, (_, at) => idOf(made + at))
      await store.tasks.insertMissing(
        ids.map((_id) => ({
          ...task,
          _id,
          status: 'queued' as const,
          settle: null,
          currentRun: RunId.parse(`${_id}.1`),
          entry: { ...entry, rank: `2.999999999999.${_id}` },
        })),
      )
      await store.runs.insertMissing(ids.map((id) => ({ ...run, _id: RunId.parse(`${id}.1`), task: id })))
    }
    const times = { submit: [] as number[], claim: [] as number[], finish: [] as number[] }
    for (let round = 0; round < rounds; round += 1) {
      await timed(times.submit, () => ask(installation, 'POST', '/api/tasks', body))
      const grant = await timed(times.claim, () => agent.claim())
      await timed(times.finish, () => agent.finish(grant.run))
      if (round % 10 === 0) await agent.beat()
    }
    const cells = Object.values(times).map(
      (some) => `${median(some).toFixed(1)} (${quantile(some, 0.99).toFixed(1)})`,
    )
    process.stdout.write(`${String(size).padEnd(10)}${cells.map((cell) => cell.padStart(18)).join('')}\n`)
  }
  await store.close()
  for (const { key, serves, partialFilterExpression } of indexes.tasks ?? [])
    if (partialFilterExpression)
      process.stdout.write(`index of the queue {${Object.keys(key).join(', ')}}: ${serves}\n`)
}

async function timed<T>(into: number[], work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await work()
  into.push(performance.now() - start)
  return result
}

const idOf = (n: number): TaskId => TaskId.parse(`tsk_${String(n).padStart(26, '0')}`)
