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

/** A GPU of 32 GiB whose driver says what the tests have it say; nobody looks at it by the clock. */

const MiB = 1024 * 1024
const totalMib = 32 * 1024
/** `holds` is answered once, when there is a `holds.next` to follow it. */
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
  // The GPU that appeared is a change, too.
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

/** A run of a module whose process is there, and loads. */
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
  test('that comes back after its process is noticed, though nobody looks by the clock', async () => {
    const { reservation } = await idle('small', 4_000)
    // What it held is still in use when it is gone, and looks like somebody else's.
    driverSays({ used: 4_000 })
    ledger.release(reservation)
    calls = 0
    await look()
    expect(ledger.roomFor(wish('large', 30_000))).toBe(0)
    driverSays({ used: 0 })
    await until('it was noticed, and told', 10, () => calls > 0)
    expect(ledger.roomFor(wish('large', 30_000))).toBe(1)
  })

  test('that other programs give back is noticed while work comes and goes', async () => {
    const { pid } = await idle('small', 4_000)
    driverSays({ used: 4_000 + 8_000, holds: { [pid]: 4_000 } })
    await look()
    expect(ledger.roomFor(wish('large', 26_000))).toBe(0)
    driverSays({ used: 4_000, holds: { [pid]: 4_000 } })
    await until('it was noticed, and told', 10, () => calls > 0)
    expect(ledger.roomFor(wish('large', 26_000))).toBe(1)
  })
})

describe('a GPU', () => {
  const driverShows = (line: string) => writeFileSync(join(folder, 'gpu'), `${line}\n`)

  test('whose memory nobody knows has that of the machine', async () => {
    driverShows('GPU-1, NVIDIA GB10, [N/A], [N/A], 0, 580.95.05')
    ram = 64 * 1024 * MiB
    await look()
    expect(ledger.roomFor(wish('large', 60 * 1024))).toBe(1)
    const { reservation } = await loading('large', 60 * 1024)
    expect([reservation.gpu, ledger.roomFor(wish('large', 60 * 1024))]).toEqual(['GPU-1', 0])
    expect(ledger.describe()).toMatchObject([{ uuid: 'GPU-1', memoryTotal: 0 }])
  })

  test('that is lost takes no task: idle processes on it go, what waits for it goes back, others serve', async () => {
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
  test('goes when other programs take what is promised', async () => {
    const { pid } = await idle('small', 4_000)
    driverSays({ used: 4_000 + 29_000, holds: { [pid]: 4_000 } })
    await look()
    expect(evicted).toEqual(['small'])
  })

  test('goes when what others held before is in the way, where the driver does not tell whose it is', async () => {
    driverSays({ used: 3_000 })
    await look()
    await idle('small', 8_000)
    // It took half of what it was promised.
    driverSays({ used: 3_000 + 4_000 })
    await look()
    void ledger.enter(ledger.take(wish('large', 22_000)), stop.signal).catch(() => undefined)
    await until('it goes', 10, () => evicted.length > 0)
    expect(evicted).toEqual(['small'])
  })

  test('stays when another one of ours takes its own while the GPU is looked at', async () => {
    const small = await idle('small', 8_000)
    const large = await loading('large', 12_000)
    const before = { [small.pid]: 8_000 }
    driverSays({ used: 20_000, holds: before, after: { ...before, [large.pid]: 12_000 } })
    await look()
    expect(evicted).toEqual([])
  })

  test('stays when the driver does not tell whose it is what one of ours takes while it loads', async () => {
    await idle('small', 8_000)
    await loading('large', 12_000)
    driverSays({ used: 8_000 + 12_000 })
    await look()
    expect(evicted).toEqual([])
  })

  test('stays when what another one of ours had is only on its way back', async () => {
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
