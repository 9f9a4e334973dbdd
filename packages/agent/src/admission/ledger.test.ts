import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import { Gpus } from '../gpu/gpus.ts'
import { Ledger } from './ledger.ts'

/** A GPU of 32 GiB as its driver tells of it, by the stand-in of the simulation; nobody looks at it by the clock. */

const MiB = 1024 * 1024
const logger = pino({ level: 'silent' })
const path = process.env.PATH
let gpu: string
let stop: AbortController
let gpus: Gpus
let ledger: Ledger
let calls: number

beforeEach(async () => {
  gpu = mkdtempSync(join(tmpdir(), 'millrace-gpu-'))
  mkdirSync(join(gpu, 'holds'))
  process.env.SIMULATED_GPU = gpu
  process.env.PATH = `${resolve(import.meta.dirname, '../../simulation')}${delimiter}${path}`
  stop = new AbortController()
  calls = 0
  inUse(0)
  gpus = new Gpus(() => ledger.onReading())
  ledger = new Ledger({
    gpus,
    freeRuns: () => 4,
    headroomBytes: () => 1024 * MiB,
    ram: () => ({ totalBytes: 2 ** 40, availableBytes: 2 ** 40 }),
    evict: (seat) => ledger.release(seat),
    onRoom: () => {
      calls += 1
    },
    logger,
    signal: stop.signal,
  })
  await gpus.look(stop.signal)
})
afterEach(() => {
  stop.abort()
  process.env.PATH = path
  rmSync(gpu, { recursive: true, force: true })
})

const inUse = (mib: number) => writeFileSync(join(gpu, 'foreign'), String(mib))
const wish = (module: string, mib: number) => ({
  key: module,
  module,
  needs: { usesGpu: true, ramBytes: 0, vramBytes: mib * MiB },
})
const seated = async (module: string, mib: number) => {
  const seat = await ledger.enter(ledger.take(wish(module, mib)), stop.signal)
  if (!seat) throw new Error('it was handed back')
  ledger.loaded(seat, 0.1)
  return seat
}

test('memory that comes back after its process is noticed, though nobody looks by the clock', async () => {
  const seat = await seated('small', 4_000)
  // What it held is still in use when it is gone, and looks like somebody else's.
  inUse(4_000)
  ledger.release(seat)
  await gpus.look(stop.signal)
  expect(ledger.roomFor(wish('large', 30_000))).toBe(0)
  inUse(0)
  await until('it was noticed, and told', 10, () => calls > 0)
  expect(ledger.roomFor(wish('large', 30_000))).toBe(1)
})

test('other programs that give memory back are noticed while work comes and goes', async () => {
  const seat = await seated('small', 4_000)
  ledger.idle(seat)
  // The driver tells how much is used, and not by whom.
  inUse(4_000 + 8_000)
  await gpus.look(stop.signal)
  expect(ledger.roomFor(wish('large', 26_000))).toBe(0)
  inUse(4_000)
  await until('it was noticed, and told', 10, () => calls > 0)
  expect(ledger.roomFor(wish('large', 26_000))).toBe(1)
})
