import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, connect, type Task } from '@millrace/client'
import { moduleNameOf } from '@millrace/shared'
import type { Bench } from './bench.ts'
import { startAgent } from './start-agent.ts'
import { median } from './statistics.ts'
import { untilAvailable } from './until-available.ts'

const rounds = Number(process.env.BENCH_ROUNDS ?? 5)
const sessionSeconds = 20
const patienceMs = 60_000
const worker = 'Bench.Stay'
const keptMs = 3_000

/** The time from the kill -9 of an agent until its task runs again: on another agent, and on the same one, restarted at once. */
export async function recovery(bench: Bench): Promise<void> {
  const { installation, workersFile } = bench
  const client = connect({ url: installation.url, key: installation.adminKey })
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-recovery-'))
  const [other] = (await client.listAgents()).items
  if (!other) throw new Error('no agent')
  await client.pauseAgent(other.id)
  await writeWorker(client, workersFile)
  const agent = await startAgent(client, installation.url, folder, { WORKERS_FILE: workersFile })
  try {
    await agent.start()
    await untilAvailable(installation, [moduleNameOf(worker)])
    // The first start compiles and soon caches the result; measure later starts.
    await pause(keptMs)
    const restarted: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      const run = await startRun(client, join(folder, `restarted-${round}`))
      const killedAt = Date.now() / 1000
      await agent.kill()
      await agent.start()
      restarted.push((await run.startOf(2)) - killedAt)
      await end(client, run.task)
    }
    print('the same agent, started again at once', restarted, 1)

    const elsewhere: number[] = []
    for (let round = 0; round < Math.ceil(rounds / 2); round += 1) {
      const run = await startRun(client, join(folder, `elsewhere-${round}`))
      await client.resumeAgent(other.id)
      const killedAt = Date.now() / 1000
      await agent.kill()
      elsewhere.push((await run.startOf(2)) - killedAt)
      await end(client, run.task)
      await client.pauseAgent(other.id)
      await agent.start()
    }
    print(`another agent (sessions end after ${sessionSeconds} s)`, elsewhere, sessionSeconds + 2)
  } finally {
    await agent.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** A worker that records its start time, and runs until it is stopped. */
async function writeWorker(client: Client, workersFile: string): Promise<void> {
  const [place] = (await client.module('text-stats')).agents
  if (!place?.pythonExec) throw new Error('no agent has reported the interpreter of text-stats')
  const project = join(dirname(workersFile), 'stay')
  await mkdir(project, { recursive: true })
  await writeFile(join(project, 'stay.py'), program)
  const entry = { name: 'stay', project_path: project, venv_python: place.pythonExec, module: 'stay' }
  await writeFile(workersFile, JSON.stringify({ workers: [{ ...entry, task_types: [worker] }] }))
}

const program = `import json, sys, time
task = json.load(sys.stdin)
with open(task["params"]["file"], "a") as starts:
    starts.write(f"{time.time()}\\n")
time.sleep(600)
`

async function startRun(client: Client, file: string) {
  const task = await client.createTask({ module: worker, inputs: { params: { file } } })
  const startOf = async (n: number): Promise<number> => {
    for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await pause(5)) {
      const starts = (await readFile(file, 'utf8').catch(() => '')).trim().split('\n')
      if (starts.length >= n && starts[n - 1]) return Number(starts[n - 1])
    }
    throw new Error(`run ${n} of ${task.id} did not start`)
  }
  await startOf(1)
  return { task, startOf }
}

async function end(client: Client, { id }: Task): Promise<void> {
  await client.cancelTask(id)
  await client.task(id, 30)
}

function print(who: string, seconds: readonly number[], wanted: number): void {
  const [middle, worst] = [median(seconds), Math.max(...seconds)]
  process.stdout.write(
    `kill -9 of an agent until its task runs on ${who}: ${middle.toFixed(2)} s ` +
      `(median of ${seconds.length}, worst ${worst.toFixed(2)} s; wanted: at most ${wanted} s)\n`,
  )
}
