import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type Installation, installation } from '../support/installation.ts'
import { expectQuiet } from '../support/quiet.ts'
import { until } from '../support/until.ts'

/** A GPU's memory shared by modules that really hold some of it (simulated: see packages/agent/simulation). */

const simulation = resolve(import.meta.dirname, '../../packages/agent/simulation')
let here: Installation
let gpu: string
afterEach(async () => {
  await here?.close()
  await rm(gpu, { recursive: true, force: true })
})

/** Holds `mib` for some seconds, and runs out of memory when another process holds any. */
const program = (mib: number, wantsItAlone: boolean) => `
import json, os, sys, time
sys.path.insert(0, ${JSON.stringify(simulation)})
import gpu_state
folder = ${JSON.stringify(gpu)}
with open(sys.argv[sys.argv.index("--input_file") + 1]) as file:
    seconds = json.load(file)["inputs"].get("seconds") or 0
others = [pid for pid, mib, alive in gpu_state.holders(folder) if mib and alive]
if ${wantsItAlone ? 'others' : 'False'}:
    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
gpu_state.hold(folder, ${mib}, ${mib})
time.sleep(seconds)
print(json.dumps({"status": "success", "outputs": {"pid": os.getpid()}}))
`
async function addModule(name: string, mib: number, wantsItAlone = false): Promise<void> {
  const folder = join(here.agent.modulesDir, name)
  await mkdir(folder)
  const manifest = {
    name,
    version: '1.0.0',
    inputs: [{ key: 'seconds', type: 'number', required: false }],
    outputs: [{ key: 'pid', type: 'number' }],
    resources: { uses_gpu: true, min_vram_mb: mib },
  }
  await writeFile(join(folder, 'test_data.json'), '{"inputs": {}}')
  await writeFile(join(folder, 'main.py'), program(mib, wantsItAlone))
  await writeFile(join(folder, 'module.json'), JSON.stringify(manifest))
}

const create = (module: string, seconds: number, more: object = {}) =>
  here.client.createTask({ module, inputs: { seconds }, ...more })
const ended = (id: Parameters<typeof here.client.task>[0]) =>
  until(`${id} has ended`, 90, async () => {
    const task = await here.client.task(id, 10)
    return task.finishedAt !== null && task
  })

test('a task that ran out of memory among others is tried once more alone on the GPU; its peak is remembered', async () => {
  gpu = await mkdtemp(join(tmpdir(), 'millrace-gpu-'))
  await mkdir(join(gpu, 'holds'))
  here = await installation([], {
    agent: { PATH: `${simulation}${delimiter}${process.env.PATH}`, SIMULATED_GPU: gpu, MAX_RUNS: '4' },
  })
  await addModule('sitter', 9000)
  await addModule('hungry', 8000, true)
  await here.agent.available(here.client, ['sitter', 'hungry'])
  const sitter = await create('sitter', 6)
  await until('it sits', 30, async () => (await here.client.task(sitter.id)).status === 'running')
  const seen = await until('its memory is reported', 30, async () => {
    const [agent] = (await here.client.listAgents()).items
    return agent?.gpus[0]?.reserved.length === 1 && agent.gpus[0]
  })
  expect(seen.reserved).toEqual([{ module: 'sitter', bytes: 9000 * 1024 * 1024 }])
  const hungry = await create('hungry', 0, { backoff: { initialSeconds: 0.1 } })
  const [, fed] = [await ended(sitter.id), await ended(hungry.id)]
  expect(fed).toMatchObject({ status: 'succeeded', attempt: 2 })
  expect((await here.client.run(`${hungry.id}.1`)).error).toMatchObject({ code: 'out_of_memory' })
  const first = await here.client.run(`${sitter.id}.1`)
  const second = await here.client.run(`${hungry.id}.2`)
  expect(Date.parse(second.finishedAt ?? '')).toBeGreaterThan(Date.parse(first.finishedAt ?? ''))
  expect(first.usage?.peakVramBytes).toBe(9000 * 1024 * 1024)
  const learned = await until('it is remembered', 10, async () => {
    const peak = (await here.store.modules.get('hungry'))?.peaks[0]
    return peak && peak.vramBytes > 0 && peak
  })
  expect(learned.vramBytes).toBe(8000 * 1024 * 1024 * 1.25)
  await expectQuiet(here.store, [sitter.id, hungry.id])
}, 120_000)
