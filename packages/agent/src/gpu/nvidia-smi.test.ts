import { expect, test } from 'vitest'
import { parseGpus, parseHolds } from './nvidia-smi.ts'

const MiB = 1024 * 1024

test.each([
  ['nothing', '', []],
  ['an error text', 'NVIDIA-SMI has failed because it could not communicate\n', []],
  [
    'two GPUs, one of which keeps things to itself',
    'GPU-1, NVIDIA H200, 143771, 12, 7, 570.86.15\nGPU-2, NVIDIA GeForce RTX 5090, 32607, [N/A], [N/A], [N/A]\n',
    [
      {
        uuid: 'GPU-1',
        name: 'NVIDIA H200',
        memoryTotal: 143771 * MiB,
        memoryUsed: 12 * MiB,
        utilization: 7,
        driverVersion: '570.86.15',
      },
      { uuid: 'GPU-2', memoryTotal: 32607 * MiB, memoryUsed: null, utilization: null, driverVersion: null },
    ],
  ],
])('%s', (_, csv, gpus) => {
  expect(parseGpus(csv)).toMatchObject(gpus)
  expect(parseGpus(csv)).toHaveLength(gpus.length)
})

test.each([
  ['nothing runs', '', []],
  [
    'two processes',
    'GPU-1, 4242, 512\nGPU-1, 17, 20\n',
    [
      [4242, 512 * MiB],
      [17, 20 * MiB],
    ],
  ],
  ['a driver that keeps them to itself', 'GPU-1, 4242, [N/A]\n', null],
])('held by processes: %s', (_, csv, holds) => {
  expect(parseHolds(csv)?.map(({ pid, bytes }) => [pid, bytes]) ?? null).toEqual(holds)
})
