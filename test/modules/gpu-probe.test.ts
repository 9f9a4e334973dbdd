import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { type Workshop, workshop } from './workshop.ts'

let here: Workshop
beforeAll(async () => {
  here = await workshop(['gpu-probe'])
})
afterAll(() => here?.close())

describe('gpu-probe', () => {
  test('answers without PyTorch too, and says what is missing', async () => {
    const ran = await here.run('gpu-probe', { allocate_mb: 64, hold_seconds: 0 })
    expect(ran).toMatchObject({
      code: 0,
      outputs: { available: false, reason: expect.stringMatching(/^PyTorch is not installed/) },
    })
    expect(Object.keys(ran.outputs)).toEqual(['available', 'reason'])
  })

  test('runs on a machine with a GPU, and otherwise waits with that reason', async () => {
    const hasGpu = spawnSync('nvidia-smi').status === 0
    const { id } = await here.client.createTask({ module: 'gpu-probe', inputs: { hold_seconds: 0 } })
    if (hasGpu) expect(await here.client.task(id, 30)).toMatchObject({ status: 'succeeded' })
    else
      await until('it waits for a GPU', 30, async () =>
        (await here.client.why(id)).some(({ reason }) => reason === 'no_gpu'),
      )
  })
})
