import type { Gpu } from '@millrace/shared'
import { expect, test } from 'vitest'
import { chooseGpu, roomFor, type Space } from './room.ts'

const GiB = 1024 ** 3
const light = { minRamBytes: 0, minVramBytes: 0, usesGpu: false }
const heavy = { minRamBytes: 6 * GiB, minVramBytes: 0, usesGpu: false }
const onGpu = { minRamBytes: 0, minVramBytes: 10 * GiB, usesGpu: true }
const gpu = (uuid: string, total: number, used: number): Gpu => ({
  uuid,
  name: 'g',
  memoryTotal: total * GiB,
  memoryUsed: used * GiB,
  reserved: [],
  utilization: null,
})
const space = (changes: Partial<Space> = {}): Space => ({
  maxRuns: 4,
  ramBytes: 16 * GiB,
  gpus: [],
  occupied: [],
  ...changes,
})

test.each([
  ['an idle agent', light, space(), 4],
  ['beside two runs', light, space({ occupied: [light, light] }), 2],
  ['full', light, space({ occupied: [light, light, light, light] }), 0],
  ['limited by memory', heavy, space(), 2],
  ['limited by what others were promised', heavy, space({ occupied: [heavy] }), 1],
  ['a GPU module without a known GPU', onGpu, space(), 4],
  ['one fits each GPU', onGpu, space({ gpus: [gpu('a', 16, 0), gpu('b', 12, 0)] }), 2],
  ['somebody else fills a GPU', onGpu, space({ gpus: [gpu('a', 16, 8), gpu('b', 12, 0)] }), 1],
  [
    'promised but not used yet',
    onGpu,
    space({ gpus: [gpu('a', 16, 0)], occupied: [{ ...onGpu, gpu: 'a' }] }),
    0,
  ],
])('room: %s', (_, module, at, room) => {
  expect(roomFor(module, at)).toBe(room)
})

test('a run gets the GPU with most room, and none if it needs none', () => {
  const at = space({ gpus: [gpu('a', 16, 8), gpu('b', 12, 0)] })
  expect(chooseGpu(onGpu, at)).toBe('b')
  expect(chooseGpu(onGpu, { ...at, occupied: [{ ...onGpu, gpu: 'b' }] })).toBe('a')
  expect(chooseGpu(light, at)).toBeUndefined()
})
