import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

  test('is offered by an agent, and its task succeeds', async () => {
    const { id } = await here.client.createTask({ module: 'gpu-probe', inputs: { hold_seconds: 0 } })
    const ended = await here.client.task(id, 30)
    expect(ended).toMatchObject({ status: 'succeeded', result: { available: false } })
  })
})
