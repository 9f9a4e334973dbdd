import { performance } from 'node:perf_hooks'
import { connect } from '@millrace/client'
import { TaskAnswer } from '@millrace/shared'
import { bareRun } from './bare-run.ts'
import type { Bench } from './bench.ts'
import { ask } from './http.ts'
import { median } from './statistics.ts'

const rounds = Number(process.env.BENCH_ROUNDS ?? 9)
const tasks = Number(process.env.BENCH_TASKS ?? 100)
const module = 'text-stats-fresh'
const inputs = { text: 'It is a truth universally acknowledged' }

/** Many tasks at once, each in a fresh process, on one agent, against Node spawning as many, equally many at a time. */
export async function throughput({ installation }: Bench): Promise<void> {
  const client = connect({ url: installation.url, key: installation.adminKey })
  const [agent] = (await client.listAgents()).items
  if (!agent) throw new Error('no agent')
  const parallel = agent.platform.cpus ?? 1
  const bare = await bareRun(client, module)
  const post = () => ask(installation, 'POST', '/api/tasks', { module, inputs })
  const millrace = async () => {
    const ids = await manyAtOnce(parallel, async () => TaskAnswer.parse(await post()).task.id)
    for (const id of ids) {
      const { task } = TaskAnswer.parse(await ask(installation, 'GET', `/api/tasks/${id}?wait=30`))
      if (task.status !== 'succeeded') throw new Error(`task ${id}: ${JSON.stringify(task.error)}`)
    }
  }
  const direct = async () => void (await manyAtOnce(parallel, () => bare.run(inputs)))
  const sides = { bare: direct, millrace }
  const rates = { bare: [] as number[], millrace: [] as number[] }
  const names = ['bare', 'millrace'] as const
  for (let round = 0; round <= rounds; round += 1)
    for (const name of round % 2 ? names.toReversed() : names) {
      const perSecond = await rate(sides[name])
      if (round > 0) rates[name].push(perSecond) // the first warms both up
    }
  await bare.close()
  process.stdout.write(
    `${tasks} tasks at once, ${parallel} processes at a time, median of ${rounds} rounds, alternating; servers, API, agent and runs share the machine\n`,
  )
  for (const [name, some] of Object.entries(rates))
    process.stdout.write(`${name.padEnd(9)} ${median(some).toFixed(1)} a second\n`)
  const ratio = median(rates.millrace) / median(rates.bare)
  process.stdout.write(`ratio     ${ratio.toFixed(2)} of bare spawning (wanted: at least 0.85)\n`)
}

async function rate(work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return tasks / ((performance.now() - start) / 1000)
}

async function manyAtOnce<T>(atOnce: number, work: () => Promise<T>): Promise<T[]> {
  const done: T[] = []
  let left = tasks
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (; left > 0; ) {
        left -= 1
        done.push(await work())
      }
    }),
  )
  return done
}
