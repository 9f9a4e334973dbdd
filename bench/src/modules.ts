import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Client, connect } from '@millrace/client'
import type { Bench } from './bench.ts'
import { startAgent } from './start-agent.ts'
import { median } from './statistics.ts'

const run = promisify(execFile)
const rounds = 10
const patienceMs = 60_000

/** The time from found to available against a bare `uv`, and the cost of unchanged modules at an agent's start. */
export async function modules(bench: Bench): Promise<void> {
  const client = connect({ url: bench.installation.url, key: bench.installation.adminKey })
  const work = await mkdtemp(join(tmpdir(), 'millrace-bench-modules-'))
  try {
    await installing(client, bench.modulesDir, work)
    await starting(client, bench, work)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Each round writes the same requirement differently: another environment, from uv's cache. */
async function installing(client: Client, modulesDir: string, work: string): Promise<void> {
  const ours: number[] = []
  const bare: number[] = []
  for (let round = 0; round <= rounds; round += 1) {
    const name = `bench-${round}`
    const requirements = `six>=1.${round}\n`
    await writeModule(join(modulesDir, name), name, requirements)
    const { seconds, uv, python } = await untilInstalled(client, name)
    const folder = join(work, name)
    const file = join(work, `${name}.txt`)
    await writeFile(file, requirements)
    const start = performance.now()
    await run(uv, [
      'venv',
      '--relocatable',
      '--no-python-downloads',
      '--python',
      python,
      '--no-progress',
      folder,
    ])
    const flags = ['--only-binary', ':all:', '--compile-bytecode', '--no-progress']
    await run(uv, ['pip', 'install', '--python', join(folder, 'bin', 'python'), ...flags, '-r', file])
    if (round === 0) continue // fills the cache
    ours.push(seconds)
    bare.push((performance.now() - start) / 1000)
  }
  const [one, other] = [median(ours), median(bare)]
  process.stdout.write(
    `from found to available, without the module's own test: ${one.toFixed(2)} s; bare uv venv && uv pip install: ${other.toFixed(2)} s; difference ${(one - other).toFixed(2)} s (median of ${rounds}; at most 0.5 s are allowed)\n`,
  )
}

async function writeModule(folder: string, name: string, requirements: string): Promise<void> {
  const hidden = join(folder, '..', `.${name}`)
  await mkdir(hidden)
  const outputs = [{ key: 'version', type: 'text' }]
  await writeFile(join(hidden, 'module.json'), JSON.stringify({ name, version: '1.0.0', outputs }))
  await writeFile(join(hidden, 'requirements.txt'), requirements)
  await writeFile(join(hidden, 'test_data.json'), '{"inputs": {}}')
  await writeFile(join(hidden, 'main.py'), program)
  await cp(hidden, folder, { recursive: true })
  await rm(hidden, { recursive: true })
}

const program = `import json, six
print(json.dumps({"status": "success", "outputs": {"version": six.__version__}}))
`

/** Seconds from found to available without the module's test, by its install log. */
async function untilInstalled(client: Client, name: string) {
  for (const deadline = Date.now() + patienceMs; ; await pause(50)) {
    const { items } = await client.listModules({ limit: 200 })
    const [agent] = items.find((one) => one.name === name)?.agents ?? []
    if (agent?.status === 'ERROR' || Date.now() > deadline) throw new Error(`${name}: ${agent?.error}`)
    if (agent?.status !== 'AVAILABLE') continue
    const log = (await client.installLog(name)).map(({ line }) => line)
    const test = log.findIndex((line) => line.includes('--mode test'))
    const testSeconds = Number(
      log
        .slice(test)
        .find((line) => / after [\d.]+ s$/.test(line))
        ?.match(/([\d.]+) s$/)?.[1],
    )
    const uv = log.find((line) => line.includes(' venv '))?.match(/^\$ (\S+) venv /)?.[1]
    const python = log.find((line) => line.includes(' venv '))?.match(/--python (\S+)/)?.[1]
    if (!uv || !python || Number.isNaN(testSeconds)) continue // its lines come a little later
    return { seconds: (agent.installSeconds ?? 0) - testSeconds, uv, python }
  }
}

/** The time until the end of a task that waits for the agent, with one module and with ten more. */
async function starting(client: Client, { installation, modulesDir }: Bench, work: string): Promise<void> {
  const times = { one: [] as number[], eleven: [] as number[] }
  const agents = {
    one: await startAgent(client, installation.url, join(work, 'one')),
    eleven: await startAgent(client, installation.url, join(work, 'eleven')),
  }
  for (const [which, agent] of Object.entries(agents)) {
    for (let n = 0; n < (which === 'one' ? 1 : 11); n += 1) {
      const folder = join(agent.modulesDir, `start-${which}-${n}`)
      await cp(join(modulesDir, 'text-stats'), folder, { recursive: true })
      await agent.rename(folder, `start-${which}-${n}`)
    }
    await agent.start()
    for (let n = 0; n < (which === 'one' ? 1 : 11); n += 1) await done(client, `start-${which}-${n}`)
    await agent.stop()
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const which of round % 2 ? (['one', 'eleven'] as const) : (['eleven', 'one'] as const)) {
      const waiting = done(client, `start-${which}-0`)
      await pause(100)
      const start = performance.now()
      await agents[which].start()
      await waiting
      times[which].push((performance.now() - start) / 1000)
      await agents[which].stop()
    }
  }
  const [one, eleven] = [median(times.one), median(times.eleven)]
  process.stdout.write(
    `start of an agent until a task that waited is done: ${one.toFixed(2)} s with one module, ${eleven.toFixed(2)} s with ten unchanged ones more; difference ${(eleven - one).toFixed(2)} s (median of ${rounds}; at most 0.3 s are allowed)\n`,
  )
}

async function done(client: Client, module: string): Promise<void> {
  for (const deadline = Date.now() + patienceMs; ; await pause(50)) {
    try {
      const { id } = await client.createTask({ module, inputs: { text: 'a' } })
      const task = await client.task(id, 60)
      if (task.status !== 'succeeded') throw new Error(`${id} is ${task.status}`)
      return
    } catch (error) {
      const isUnknown = error instanceof Error && 'code' in error && error.code === 'module_not_found'
      if (!isUnknown || Date.now() > deadline) throw error
    }
  }
}
