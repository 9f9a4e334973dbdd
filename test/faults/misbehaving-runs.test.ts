import { readFile } from 'node:fs/promises'
import type { Task } from '@millrace/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Installation, installation } from '../support/installation.ts'
import { processesOfTask } from '../support/processes-of.ts'
import { RunningGroups } from '../support/running-groups.ts'
import { until } from '../support/until.ts'
import { type Kind, kinds, limits } from './misbehaving-kinds.ts'

/** How often each kind runs; fewer to try one out. */
const times = Number(process.env.MILLRACE_TEST_TIMES ?? 20)
const only = process.env.MILLRACE_TEST_KINDS?.split(',')
const tried = kinds.filter((kind) => !only || only.includes(kind.do))
const atOnce = 8
/** Among the bad ones; each must succeed. */
const good: Kind = { do: 'behave', status: 'succeeded', code: null }
const mostMemory = 250e6
const goneAfterSeconds = 15

let here: Installation
let groups: RunningGroups
beforeAll(async () => {
  here = await installation(['misbehave'], { agent: { MAX_RUNS: String(atOnce), ...limits } })
  await here.agent.available(here.client)
  groups = new RunningGroups(here.agent.program.pid)
})
afterAll(async () => {
  groups?.close()
  await here?.close()
})

type Told = { kind: Kind; task: Task; seconds: number; left: number[] }

test(`${kinds.length} kinds of misbehaviour, each ${times} times: one agent outlives them, and nothing of them is left`, async () => {
  const agent = here.agent.program
  // Mixed: every kind once in each round, at another place, and a good one after every fourth.
  const plan = Array.from({ length: times }, (_, round) =>
    [...tried.slice(round % tried.length), ...tried.slice(0, round % tried.length)].flatMap((kind, at) =>
      at % 4 === 3 ? [kind, good] : [kind],
    ),
  ).flat()
  const runs: Told[] = []
  const next = plan.values()
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: atOnce + 2 }, async () => {
      for (const kind of next) runs.push(await carryOut(kind))
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  const peak = await peakMemory(agent.pid)
  process.stdout.write(`${table(runs)}\n${runs.length} tasks in ${seconds.toFixed(0)} s; `)
  process.stdout.write(`agent's peak memory ${Math.round(peak / 1e6)} MB\n`)

  expect(agent.hasEnded()).toBe(false)
  expect(runs.filter(({ left }) => left.length > 0).map(({ kind }) => kind.do)).toEqual([])
  expect(runs.map(faultOf).filter((fault) => fault !== null)).toEqual([])
  expect(peak).toBeLessThan(mostMemory)
  expect(await groups.left()).toEqual([])
}, 1_200_000)

test('a flood of 1 GB keeps its head and its tail, and counts what is missing between them', async () => {
  const { task } = await carryOut({ do: 'flood-gigabyte', status: 'succeeded', code: null })
  const run = task.currentRun
  if (!run) throw new Error('it has no run')
  const lines = await here.client.runLog(run)
  const gap = lines.findIndex(({ stream }) => stream === 'agent')
  expect(lines[0]).toMatchObject({ n: 1, line: 'first line' })
  expect(lines.at(-1)).toMatchObject({ n: 1_000_002, line: 'last line' })
  expect(lines[gap]?.line).toBe(`${1_000_002 - (lines.length - 1)} lines left out here`)
  expect(gap).toBeGreaterThan(6000)
  expect(lines.length - gap).toBeGreaterThan(1500)
  expect(await peakMemory(here.agent.program.pid)).toBeLessThan(mostMemory)
}, 180_000)

async function carryOut(kind: Kind): Promise<Told> {
  const { timeoutSeconds } = kind
  const startedAt = performance.now()
  const { id } = await here.client.createTask({
    ...{ module: 'misbehave', inputs: { do: kind.do }, maxAttempts: 1 },
    ...(timeoutSeconds ? { timeoutSeconds } : {}),
  })
  if (kind.cancelled) {
    await until(`${kind.do} runs`, 120, async () => (await processesOfTask(id)).length > 0)
    await here.client.cancelTask(id)
  }
  const task = await until(`${kind.do} has ended`, 240, async () => {
    const now = await here.client.task(id, 20)
    return now.finishedAt !== null && now
  })
  const left = await until('nothing of it is left', goneAfterSeconds, async () => {
    const living = await groups.livingOf(id)
    return living.length === 0 && living
  }).catch(() => groups.livingOf(id))
  return { kind, task, left, seconds: (performance.now() - startedAt) / 1000 }
}

function faultOf({ kind, task }: Told): string | null {
  const code = task.error?.code ?? null
  const message = task.error?.message ?? ''
  if (task.status === kind.status && code === kind.code && (kind.says?.test(message) ?? true)) return null
  return `${kind.do} (${task.id}): ${task.status}, ${code}, ${message.slice(0, 500)}`
}

async function peakMemory(pid: number): Promise<number> {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

function table(runs: Told[]): string {
  const rows = [...tried, good].map((kind) => {
    const mine = runs.filter((one) => one.kind === kind)
    const right = mine.filter((one) => faultOf(one) === null).length
    const longest = Math.max(...mine.map(({ seconds }) => seconds))
    const left = mine.filter((one) => one.left.length > 0).length
    return [
      kind.do,
      `${right}/${mine.length}`,
      kind.code ?? kind.status,
      `${longest.toFixed(1)} s`,
      `${left} left`,
    ]
  })
  return rows.map((row) => row.map((cell, at) => cell.padEnd([26, 8, 15, 9, 7][at] ?? 0)).join('')).join('\n')
}
