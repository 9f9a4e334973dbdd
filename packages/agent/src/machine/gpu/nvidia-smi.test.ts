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
  expect(parseGpus(csv).gpus).toMatchObject(gpus)
  expect(parseGpus(csv).gpus).toHaveLength(gpus.length)
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

test.each([
  ['[N/A]', 0],
  ['N/A', 0],
  ['[Not Supported]', 0],
  ['[Insufficient Permissions]', 0],
  ['24576', 24576 * MiB],
])('memory %s is known or not, and the GPU counts', (total, memoryTotal) => {
  const csv = `GPU-1, NVIDIA GB10, ${total}, [N/A], 3, 580.95.05\r\n`
  expect(parseGpus(csv)).toMatchObject({
    gpus: [{ uuid: 'GPU-1', memoryTotal, memoryUsed: null }],
    troubles: [],
  })
})

test.each([
  'Unable to determine the device handle for GPU0000:02:00.0: GPU is lost.  Reboot the system to recover this GPU',
  'Unable to determine the device handle for GPU 0000:02:00.0: Unknown Error, code 999, again',
  'GPU-2, NVIDIA RTX 3090, [Unknown Error], [Unknown Error], [Unknown Error], 580.1',
  'GPU-2, NVIDIA RTX 3090, 24576, [GPU is lost], [GPU is lost], [GPU is lost]',
  'GPU-2, NVIDIA RTX 3090, [GPU requires reset], 0, 0, 580.1',
  'No devices were found',
])('%s is a trouble, and no GPU', (line) => {
  const good = 'GPU-1, NVIDIA RTX 3090, 24576, 10, 0, 580.1'
  const seen = parseGpus(`${line}\n${good}\n`)
  expect(seen.gpus.map(({ uuid }) => uuid)).toEqual(['GPU-1'])
  expect(seen.troubles).toEqual([line])
})
