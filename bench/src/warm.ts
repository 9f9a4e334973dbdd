import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, connect } from '@millrace/client'
import { startNats } from '@millrace/infra'
import { TaskAnswer } from '@millrace/shared'
import { z } from 'zod'
import type { Bench } from './bench.ts'
import { type Bullmq, startBullmq } from './bullmq.ts'
import { databaseLoad, loadPerTask } from './database-load.ts'
import { ask } from './http.ts'
import { median, quantile } from './statistics.ts'

const rounds = Number(process.env.BENCH_ROUNDS ?? 200)
const warmUp = Number(process.env.BENCH_WARM_UP ?? 300)
const inSequence = 40
const publishedBest = 1.22
const text = 'It is a truth universally acknowledged,\nthat a single man in possession of a good fortune'
const body = { module: 'text-stats', inputs: { text } }
const BareAnswer = z.object({ task: z.object({ _id: z.string(), result: z.unknown().optional() }) })

/**
 * One task from the POST until its result is visible over HTTP, with a warm process: against a bare pipeline with three
 * durable writes to the same database, and BullMQ over Redis with an fsync for each write.
 */
export async function warm({ installation, databaseUrl }: Bench): Promise<void> {
  const client = connect({ url: installation.url, key: installation.adminKey })
  const [place] = (await client.module('text-stats')).agents
  if (!place?.pythonExec) throw new Error('no agent has reported the interpreter of text-stats')
  const module = { python: place.pythonExec, path: place.path }
  const task = async () => {
    const { id } = TaskAnswer.parse(await ask(installation, 'POST', '/api/tasks', body)).task
    const done = TaskAnswer.parse(await ask(installation, 'GET', `/api/tasks/${id}?wait=30`)).task
    if (done.status !== 'succeeded') throw new Error(`task ${id}: ${JSON.stringify(done.error)}`)
  }
  for (let round = 0; round < warmUp; round += 1) await task()
  await countLoad(client, task)
  const bare = await startBare(databaseUrl, module)
  const bullmq = await startBullmq(module)
  const sides: Record<string, () => Promise<unknown>> = {
    bare: () => bareTask(bare.url),
    millrace: task,
    ...(bullmq ? { bullmq: () => bullmq.run({ text }) } : {}),
  }
  try {
    for (const side of Object.values(sides)) for (let round = 0; round < warmUp; round += 1) await side()
    await oneByOne(sides)
    await fortyInSequence(sides)
  } finally {
    await stop(bare, bullmq)
  }
}

async function countLoad(client: Client, task: () => Promise<unknown>): Promise<void> {
  const tasks = 50
  const before = await databaseLoad(client)
  for (let count = 0; count < tasks; count += 1) await task()
  process.stdout.write(loadPerTask(before, await databaseLoad(client), tasks))
}

async function oneByOne(sides: Record<string, () => Promise<unknown>>): Promise<void> {
  const times: Record<string, number[]> = {}
  const names = Object.keys(sides)
  for (let round = 0; round < rounds; round += 1)
    for (const name of round % 2 ? names.toReversed() : names) {
      await pause(10)
      const start = performance.now()
      await sides[name]?.()
      times[name] = [...(times[name] ?? []), performance.now() - start]
    }
  process.stdout.write(
    `one at a time, ${rounds} rounds, alternating; the bare pipeline has three writes that wait for the disk\n`,
  )
  for (const [name, some] of Object.entries(times))
    process.stdout.write(
      `  ${name.padEnd(9)} median ${median(some).toFixed(2)} ms   p99 ${quantile(some, 0.99).toFixed(2)} ms\n`,
    )
  const ratio = median(times.millrace ?? []) / median(times.bare ?? [])
  process.stdout.write(`  ratio     ${ratio.toFixed(2)} of the bare pipeline (wanted: at most 1.5)\n`)
}

async function fortyInSequence(sides: Record<string, () => Promise<unknown>>): Promise<void> {
  const seconds: Record<string, number[]> = {}
  for (let round = 0; round < 7; round += 1)
    for (const [name, side] of Object.entries(sides)) {
      const start = performance.now()
      for (let count = 0; count < inSequence; count += 1) await side()
      seconds[name] = [...(seconds[name] ?? []), (performance.now() - start) / 1000]
    }
  process.stdout.write(`${inSequence} light tasks in sequence, median of 7\n`)
  for (const [name, some] of Object.entries(seconds))
    process.stdout.write(`  ${name.padEnd(9)} ${median(some).toFixed(2)} s\n`)
  process.stdout.write(`  wanted: at most 0.5 s; published best of others: ${publishedBest} s\n`)
}

async function bareTask(url: string): Promise<void> {
  const side = { url, adminKey: '' }
  const { task } = BareAnswer.parse(await ask(side, 'POST', '/tasks', body))
  const done = BareAnswer.parse(await ask(side, 'GET', `/tasks/${task._id}`))
  if (!done.task.result) throw new Error('the bare task has no result')
}

type Module = { python: string; path: string }

async function startBare(databaseUrl: string, module: Module) {
  const home = await mkdtemp(join(tmpdir(), 'millrace-bare-'))
  const nats = await startNats({ home })
  const env = { ...process.env, ...nats.env, MONGODB_URL: databaseUrl }
  const api = await startProgram('bare-pipeline-main.ts', env)
  const agent = await startProgram('bare-agent-main.ts', {
    ...env,
    BARE_URL: api.line,
    PYTHON: module.python,
    MODULE: module.path,
  })
  return { url: api.line, home, nats, programs: [agent.child, api.child] }
}

async function startProgram(file: string, env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [join(import.meta.dirname, file)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return { child, line: String(line) }
}

async function stop(bare: Awaited<ReturnType<typeof startBare>>, bullmq: Bullmq | null): Promise<void> {
  await bullmq?.stop()
  for (const child of bare.programs) await ended(child)
  await bare.nats.stop()
  await rm(bare.home, { recursive: true, force: true })
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}
