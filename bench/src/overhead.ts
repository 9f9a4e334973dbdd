import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '@millrace/client'
import { TaskAnswer } from '@millrace/shared'
import { bareRun } from './bare-run.ts'
import type { Bench } from './bench.ts'
import { databaseLoad, loadPerTask } from './database-load.ts'
import { ask } from './http.ts'
import { median, quantile } from './statistics.ts'

const rounds = Number(process.env.BENCH_ROUNDS ?? 200)
const warmUp = Number(process.env.BENCH_WARM_UP ?? 600)
/** Without warm processes: every run has a fresh process. */
const module = 'text-stats-fresh'
const text = 'It is a truth universally acknowledged,\nthat a single man in possession of a good fortune'
const expected = { characters: text.length, words: 16, lines: 2 }

/**
 * One `text-stats` task from the POST until its result is visible over HTTP, against Node spawning the same
 * module with the same interpreter directly. Both alternate in one run.
 */
export async function overhead({ installation }: Bench): Promise<void> {
  const client = connect({ url: installation.url, key: installation.adminKey })
  const bare = await bareRun(client, module)
  const task = async () => {
    const created = TaskAnswer.parse(
      await ask(installation, 'POST', '/api/tasks', { module, inputs: { text } }),
    ).task
    const done = TaskAnswer.parse(await ask(installation, 'GET', `/api/tasks/${created.id}?wait=30`)).task
    same(done.result, `task ${done.id} (${done.status})`)
  }
  const direct = async () => same(await bare.run({ text }), 'the bare run')
  for (let round = 0; round < warmUp; round += 1) await Promise.resolve(direct()).then(task)

  const samples = { bare: [] as number[], millrace: [] as number[] }
  const loadBefore = await databaseLoad(client)
  for (let round = 0; round < rounds; round += 1) {
    const order = [() => timed(samples.bare, direct), () => timed(samples.millrace, task)]
    for (const measure of round % 2 ? order.reverse() : order) await measure()
  }
  const load = await databaseLoad(client)
  await bare.close()

  process.stdout.write(
    `settings: ${rounds} rounds after ${warmUp}, alternating, one at a time; default settings of the agent and the API\n`,
  )
  for (const [name, times] of Object.entries(samples)) {
    process.stdout.write(
      `${name.padEnd(9)} median ${median(times).toFixed(1)} ms   p99 ${quantile(times, 0.99).toFixed(1)} ms\n`,
    )
  }
  process.stdout.write(`ratio     median ${(median(samples.millrace) / median(samples.bare)).toFixed(2)}   `)
  process.stdout.write(
    `p99 ${(quantile(samples.millrace, 0.99) / quantile(samples.bare, 0.99)).toFixed(2)}\n`,
  )
  process.stdout.write(loadPerTask(loadBefore, load, rounds))
}

/** Waits for the follow-up work of the last task, which must not count for the next one. */
const restMs = 30

async function timed(into: number[], work: () => Promise<void>): Promise<void> {
  await pause(restMs)
  const start = performance.now()
  await work()
  into.push(performance.now() - start)
}

function same(result: unknown, what: string): void {
  const wanted = Object.entries(expected)
  const got = typeof result === 'object' && result !== null ? result : {}
  const right = wanted.every(([key, value]) => key in got && got[key as keyof typeof got] === value)
  if (!right) throw new Error(`${what} has another result: ${JSON.stringify(result)}`)
}
