import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import { Gpus } from '../machine/gpu/gpus.ts'
import { openSignals } from '../signals/agent-signals.ts'
import { Ledger } from './ledger.ts'

/** A GPU of 32 GiB with a fake driver; no timer reads it. */

const MiB = 1024 * 1024
const totalMib = 32 * 1024
/** The driver answers `holds` once if a `holds.next` exists, which then replaces it. */
const nvidiaSmi = `#!/bin/sh
cd "$(dirname "$0")"
case "$1" in
  --query-gpu=*) [ ! -f gpu ] || exec cat gpu; echo "GPU-1, A GPU, ${totalMib}, $(cat used), 0, 1.0" ;;
  *) cat holds; [ ! -f holds.next ] || mv holds.next holds ;;
esac
`
const logger = pino({ level: 'silent' })
const path = process.env.PATH
let folder: string
let stop: AbortController
let gpus: Gpus
let ledger: Ledger
let calls: number
let ram: number
let evicted: string[]
let children: ChildProcess[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-gpu-'))
  writeFileSync(join(folder, 'nvidia-smi'), nvidiaSmi)
  chmodSync(join(folder, 'nvidia-smi'), 0o755)
  process.env.PATH = `${folder}${delimiter}${path}`
  ;[ram, stop, calls, evicted, children] = [2 ** 40, new AbortController(), 0, [], []]
  const signals = openSignals()
  gpus = new Gpus(signals)
  ledger = new Ledger({
    gpus,
    freeRuns: () => 4,
    headroomBytes: () => 1024 * MiB,
    ram: () => ({ totalBytes: ram, availableBytes: ram }),
    ...{ signals, logger, signal: stop.signal },
  })
  ledger.evicted.subscribe('test', (reservation) => evicted.push(reservation.module))
  signals.capacityChanged.subscribe('test', () => {
    calls += 1
  })
  driverSays({ used: 0 })
  await look()
  // The first GPU reading is also a change.
  calls = 0
})
afterEach(() => {
  stop.abort()
  process.env.PATH = path
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

type Holds = Record<number, number>
function driverSays({ used, holds = {}, after }: { used: number; holds?: Holds; after?: Holds }) {
  const csv = (some: Holds) =>
    Object.entries(some)
      .map(([pid, mib]) => `GPU-1, ${pid}, ${mib}\n`)
      .join('')
  writeFileSync(join(folder, 'used'), String(used))
  writeFileSync(join(folder, 'holds'), csv(holds))
  if (after) writeFileSync(join(folder, 'holds.next'), csv(after))
}
const look = () => gpus.look(stop.signal)
const wish = (module: string, mib: number) => ({
  key: module,
  module,
  needs: { usesGpu: true, ramBytes: 0, vramBytes: mib * MiB },
})

/** A run of a module whose process has started and is loading. */
async function loading(module: string, mib: number) {
  const reservation = await ledger.enter(ledger.take(wish(module, mib)), stop.signal)
  if (!reservation) throw new Error('it was handed back')
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  children.push(child)
  ledger.started(reservation, child.pid, true)
  return { reservation, pid: child.pid ?? 0 }
}
async function idle(module: string, mib: number) {
  const { reservation, pid } = await loading(module, mib)
  ledger.loaded(reservation, 0.1)
  ledger.idle(reservation)
  return { reservation, pid }
}

describe('room', () => {
  test('that is freed after the process has ended is noticed, even without a timer', async () => {
    const { reservation } = await idle('small', 4_000)
    // Its memory is still in use after its end, and looks like another program's.
    driverSays({ used: 4_000 })
    ledger.release(reservation)
    calls = 0
    await look()
    expect(ledger.roomFor(wish('large', 30_000))).toBe(0)
    driverSays({ used: 0 })
    await until('the change is noticed', 10, () => calls > 0)
    expect(ledger.roomFor(wish('large', 30_000))).toBe(1)
  })

  test('that other programs free is noticed while runs begin and end', async () => {
    const { pid } = await idle('small', 4_000)
    driverSays({ used: 4_000 + 8_000, holds: { [pid]: 4_000 } })
    await look()
    expect(ledger.roomFor(wish('large', 26_000))).toBe(0)
    driverSays({ used: 4_000, holds: { [pid]: 4_000 } })
    await until('the change is noticed', 10, () => calls > 0)
    expect(ledger.roomFor(wish('large', 26_000))).toBe(1)
  })
})

describe('a GPU', () => {
  const driverShows = (line: string) => writeFileSync(join(folder, 'gpu'), `${line}\n`)

  test('with unknown memory has that of the machine', async () => {
    driverShows('GPU-1, NVIDIA GB10, [N/A], [N/A], 0, 580.95.05')
    ram = 64 * 1024 * MiB
    await look()
    expect(ledger.roomFor(wish('large', 60 * 1024))).toBe(1)
    const { reservation } = await loading('large', 60 * 1024)
    expect([reservation.gpu, ledger.roomFor(wish('large', 60 * 1024))]).toEqual(['GPU-1', 0])
    expect(ledger.describe()).toMatchObject([{ uuid: 'GPU-1', memoryTotal: 0 }])
  })

  test('that is lost gets no task: the agent ends its idle processes and hands back its waiting runs; other GPUs serve', async () => {
    await idle('small', 4_000)
    await loading('large', 20_000)
    const waiting = ledger.enter(ledger.take(wish('next', 20_000)), stop.signal)
    driverShows('GPU-2, A GPU, 32768, 0, 0, 1.0\nUnable to determine the device handle: GPU is lost')
    await look()
    expect(evicted).toEqual(['small'])
    expect(ledger.idleOf('small')).toEqual([])
    expect((await loading('small', 4_000)).reservation.gpu).toBe('GPU-2')
    expect(await waiting).toBeNull()
  }, 40_000)
})

describe('an idle process', () => {
  test('is evicted when other programs use promised memory', async () => {
    const { pid } = await idle('small', 4_000)
    driverSays({ used: 4_000 + 29_000, holds: { [pid]: 4_000 } })
    await look()
    expect(evicted).toEqual(['small'])
  })

  test('is evicted when earlier memory of others is in the way and the driver does not report owners', async () => {
    driverSays({ used: 3_000 })
    await look()
    await idle('small', 8_000)
    // It uses half of its reservation.
    driverSays({ used: 3_000 + 4_000 })
    await look()
    void ledger.enter(ledger.take(wish('large', 22_000)), stop.signal).catch(() => undefined)
    await until('it is evicted', 10, () => evicted.length > 0)
    expect(evicted).toEqual(['small'])
  })

  test('stays when another run of this agent allocates during the reading', async () => {
    const small = await idle('small', 8_000)
    const large = await loading('large', 12_000)
    const before = { [small.pid]: 8_000 }
    driverSays({ used: 20_000, holds: before, after: { ...before, [large.pid]: 12_000 } })
    await look()
    expect(evicted).toEqual([])
  })

  test('stays when a loading run of this agent allocates and the driver does not report owners', async () => {
    await idle('small', 8_000)
    await loading('large', 12_000)
    driverSays({ used: 8_000 + 12_000 })
    await look()
    expect(evicted).toEqual([])
  })

  test('stays while the memory of an ended run of this agent is being freed', async () => {
    const small = await idle('small', 8_000)
    const large = await idle('large', 12_000)
    driverSays({ used: 20_000, holds: { [small.pid]: 8_000, [large.pid]: 12_000 } })
    await look()
    ledger.leaving(large.reservation)
    driverSays({ used: 20_000, holds: { [small.pid]: 8_000 } })
    ledger.release(large.reservation)
    const next = ledger.enter(ledger.take(wish('next', 12_000)), stop.signal)
    await look()
    expect(evicted).toEqual([])
    driverSays({ used: 8_000, holds: { [small.pid]: 8_000 } })
    expect((await next)?.state).toBe('loading')
    expect(evicted).toEqual([])
  })
})
