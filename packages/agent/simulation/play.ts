import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Manifest } from '@millrace/shared/for-agents'
import { sleep } from '@millrace/std/time'
import { pino } from 'pino'
import type { Evictable } from '../src/admission/cheapest-to-evict.ts'
import { Ledger } from '../src/admission/ledger.ts'
import type { Reservation } from '../src/admission/reservation.ts'
import { Gpus } from '../src/machine/gpu/gpus.ts'
import type { RunnableModule } from '../src/modules/known-module.ts'
import { Stop } from '../src/process/stop/stop.ts'
import { startWatchdog } from '../src/process/stop/watchdog.ts'
import { openSignals } from '../src/signals/agent-signals.ts'
import { WarmPool } from '../src/warm/warm-pool.ts'
import { startDesktop } from './desktop.ts'
import { watchRules } from './rules.ts'
import { type Arrival, type SimulatedModule, scenarioOf } from './scenario.ts'

export type Policy = 'cheapest' | 'least recently used'
export type Played = {
  seed: number
  /** The number of processes that had to be loaded. */
  loads: number
  loadSeconds: number
  waitsMs: number[]
  faults: string[]
}

const MiB = 1024 * 1024
const headroomMib = 1024
const runsAtOnce = 4
const nearTieMs = 2000
const python = '/usr/bin/python3'

/** Plays one seed with the agent's own ledger and warm pool, and real processes. */
export async function play(seed: number, policy: Policy): Promise<Played> {
  const { modules, arrivals, random } = scenarioOf(seed)
  const folder = await mkdtemp(join(tmpdir(), 'millrace-gpu-'))
  const gpuFolder = join(folder, 'gpu')
  await mkdir(join(gpuFolder, 'holds'), { recursive: true })
  process.env.SIMULATED_GPU = gpuFolder
  const path = process.env.PATH
  process.env.PATH = `${import.meta.dirname}${delimiter}${path}`
  const stop = new AbortController()
  const logger = pino({ level: 'silent' })
  const watchdog = startWatchdog()
  const lastUsed = new Map<number, number>()
  const signals = openSignals()
  const gpus = new Gpus(signals)
  const running = new Set<Promise<void>>()
  const ledger: Ledger = new Ledger({
    gpus,
    freeRuns: () => runsAtOnce - running.size,
    headroomBytes: () => headroomMib * MiB,
    ram: () => ({ totalBytes: 2 ** 40, availableBytes: 2 ** 40 }),
    ...(policy === 'cheapest' ? {} : { choose: leastRecentlyUsed(lastUsed) }),
    signals,
    logger,
    signal: stop.signal,
  })
  signals.capacityChanged.subscribe('simulation', () => begin())
  const pool: WarmPool = new WarmPool({
    ledger,
    signals,
    limits: () => ({ idleSeconds: 600, maxTasks: 1000 }),
    memoryBytes: () => 0,
    folder: join(folder, 'warm'),
    watchdog,
    threads: 1,
    own: process.env,
    logger,
    signal: stop.signal,
  })
  const runnable = new Map<string, RunnableModule>()
  for (const module of modules) {
    const at = join(folder, 'modules', module.name)
    await mkdir(at, { recursive: true })
    await copyFile(join(import.meta.dirname, 'module.py'), join(at, 'main.py'))
    const size = {
      code: import.meta.dirname,
      gpu: gpuFolder,
      mib: module.mib,
      load_seconds: module.loadSeconds,
      late: module.late,
    }
    await writeFile(join(at, 'size.json'), JSON.stringify(size))
    runnable.set(module.name, runnableAt(at, module.name, module.mib))
  }
  const waiting: Arrival[] = []
  const waitsMs: number[] = []
  const seatsSeen = new Map<number, string>()
  const faults: string[] = []
  const startedAt = performance.now()

  const wishOf = (name: string) => {
    const module = runnable.get(name)
    if (!module) throw new Error(`no module ${name}`)
    const vramBytes = module.manifest.resources.minVramBytes
    return { module, key: name, needs: { usesGpu: true, ramBytes: 0, vramBytes } }
  }

  /** Assigns tasks as the API does: by priority, then age; warm modules first; memory is kept for urgent tasks. */
  function begin(): void {
    for (;;) {
      waiting.sort((a, b) => Number(b.isUrgent) - Number(a.isUrgent) || a.id - b.id)
      const fits = (one: Arrival) => ledger.roomFor({ ...wishOf(one.module), module: one.module }) > 0
      const best = waiting.find(fits)
      const first = waiting[0]
      if (running.size >= runsAtOnce || !first) return
      if (first.isUrgent && first !== best && !best?.isUrgent) {
        ledger.keep({ ...wishOf(first.module), module: first.module })
        return
      }
      if (!best) return
      const warm = waiting.find(
        (one) =>
          one.isUrgent === best.isUrgent &&
          Math.abs(one.atMs - best.atMs) <= nearTieMs &&
          ledger.idleOf(one.module).length > 0 &&
          fits(one),
      )
      const chosen = warm ?? best
      waiting.splice(waiting.indexOf(chosen), 1)
      const done = run(chosen)
        .catch((error: unknown) => void faults.push(`task ${chosen.id} could not run: ${error}`))
        .finally(() => {
          running.delete(done)
          begin()
        })
      running.add(done)
    }
  }

  async function run(task: Arrival): Promise<void> {
    const { module, ...wish } = wishOf(task.module)
    const promised = ledger.take({ ...wish, module: task.module })
    const reservation = await ledger.enter(promised, stop.signal)
    if (!reservation) {
      ledger.release(promised)
      waiting.push(task)
      return
    }
    seatsSeen.set(reservation.id, reservation.module)
    const inputFile = join(folder, `${task.id}.json`)
    await writeFile(inputFile, JSON.stringify({ inputs: { seconds: task.seconds } }))
    const served = await pool.serve(
      reservation,
      module,
      {
        id: String(task.id),
        inputFile,
        timeoutSeconds: 60,
        onLine: () => undefined,
        onProgress: () => undefined,
      },
      new Stop(),
    )
    waitsMs.push(performance.now() - startedAt - task.atMs - task.seconds * 1000)
    lastUsed.set(reservation.id, performance.now())
    if (served.said === null) faults.push(`task ${task.id} broke off: ${served.end.stderrTail.join(' ')}`)
  }

  const watching = gpus.watch(logger, stop.signal)
  await gpus.known()
  const desktop = startDesktop(gpuFolder, random)
  const rules = watchRules({
    gpuFolder,
    headroomMib,
    mibOf: (name) => modules.find((one) => one.name === name)?.mib ?? 0,
    state: () => ({ waiting, reservations: ledger.reservations, freeRuns: runsAtOnce - running.size }),
    isSoonDone: (name) => ledger.use.isSoonDone(name),
  })
  for (const arrival of arrivals) {
    await sleep(Math.max(0, arrival.atMs - (performance.now() - startedAt)))
    waiting.push(arrival)
    begin()
  }
  const patience = performance.now() + 90_000
  while ((waiting.length > 0 || running.size > 0) && performance.now() < patience) await sleep(20)
  if (waiting.length + running.size > 0)
    faults.push(`${waiting.length} tasks never ran; held: ${JSON.stringify(ledger.reservations)}`)
  await desktop.stop()
  faults.push(...(await rules.stop()))
  const loadSeconds = sumOfLoads(seatsSeen, modules)
  await pool.close()
  stop.abort()
  await watching
  await watchdog.close()
  process.env.PATH = path
  await rm(folder, { recursive: true, force: true })
  return { seed, loads: seatsSeen.size, loadSeconds, waitsMs, faults }
}

const sumOfLoads = (reservations: ReadonlyMap<number, string>, modules: readonly SimulatedModule[]): number =>
  [...reservations.values()].reduce(
    (sum, name) => sum + (modules.find((module) => module.name === name)?.loadSeconds ?? 0),
    0,
  )

function runnableAt(folder: string, name: string, mib: number): RunnableModule {
  const manifest = Manifest.parse({
    name,
    version: '1.0.0',
    resources: { uses_gpu: true, min_vram_mb: mib },
    modes: ['serve'],
  })
  return { name, version: '1.0.0', digest: name, manifest, folder, python, cacheDir: join(folder, 'cache') }
}

function leastRecentlyUsed(lastUsed: ReadonlyMap<Reservation['id'], number>) {
  return (idle: readonly Evictable[], bytes: number): Evictable[] | null => {
    const chosen: Evictable[] = []
    let left = bytes
    for (const one of idle.toSorted((a, b) => (lastUsed.get(a.id) ?? 0) - (lastUsed.get(b.id) ?? 0))) {
      if (left <= 0) break
      chosen.push(one)
      left -= one.bytes
    }
    return left <= 0 ? chosen : null
  }
}
