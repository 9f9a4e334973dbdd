import { describe, expect, test } from 'vitest'
import { agentId, at, exampleAgent, exampleEntry, exampleTask, taskId } from '../task/example.fixture.ts'
import type { AgentFact, Facts } from './facts.ts'
import { whyWaiting } from './why-waiting.ts'

const desk: AgentFact = {
  agentId,
  name: 'desk-pc',
  isPaused: false,
  capacity: 3,
  running: 0,
  has: 'available',
  status: 'AVAILABLE',
  gpus: [],
}
const slot = (limit: number, holders: number) => ({
  _id: 's',
  rev: 1,
  limit,
  holders: Array.from({ length: holders }, (_, n) => ({
    run: `${taskId}.${n + 1}` as const,
    claimId: 'c',
    agent: exampleAgent._id,
    at,
    attempt: '',
  })),
})
const facts = (more: Partial<Facts> = {}): Facts => ({
  now: at,
  task: exampleTask(),
  items: [],
  upstreams: [],
  slots: { global: slot(10, 0), module: null, key: null },
  agents: [desk],
  module: { isDisabled: false, usesGpu: false, minVramBytes: 0, errors: [] },
  ahead: 0,
  usualSeconds: null,
  runningSince: [],
  ...more,
})
const soon = new Date(at.getTime() + 90_000)
const entry = { ...exampleEntry, state: 'parked' as const, until: soon }
const gpuModule = { isDisabled: false, usesGpu: true, minVramBytes: 8 * 1024 ** 3, errors: [] }
const gpu = (freeBytes: number | null) => ({ ...desk, gpus: [{ freeBytes }] })

describe('why a task waits', () => {
  test.each<[string, Partial<Facts>, RegExp]>([
    ['not_before', { task: exampleTask({ entry }) }, /not to begin before .*, in 90 s/],
    [
      'retry_backoff',
      { task: exampleTask({ entry, failures: 1, attempt: 2 }) },
      /Attempt 2 begins in 90 s; 1 of 3/,
    ],
    [
      'concurrency_limit',
      {
        slots: { global: slot(10, 2), module: null, key: slot(2, 2) },
        task: exampleTask({ concurrencyKey: 'c-7' }),
      },
      /2 of 2 tasks that the key "c-7"/,
    ],
    [
      'module_limit',
      { slots: { global: slot(10, 2), module: slot(2, 2), key: null } },
      /2 of 2 tasks that module echo/,
    ],
    [
      'global_limit',
      { slots: { global: slot(1, 1), module: null, key: null } },
      /1 of 1 tasks that the installation/,
    ],
    [
      'no_agent',
      { agents: [{ ...desk, has: 'no' }] },
      /No agent that is connected has the module echo; 1 are/,
    ],
    ['module_unavailable', { module: { ...gpuModule, usesGpu: false, isDisabled: true } }, /switched off/],
    [
      'module_unavailable',
      {
        agents: [{ ...desk, has: 'not available', status: 'ERROR' }],
        module: { ...gpuModule, errors: ['Missing library libGL.so.'] },
      },
      /ERROR on desk-pc\. Missing library libGL/,
    ],
    [
      'module_unavailable',
      { agents: [{ ...desk, has: 'other version', status: null }], task: exampleTask({ version: '2.0.0' }) },
      /no connected agent has version 2\.0\.0/,
    ],
    ['paused', { agents: [{ ...desk, isPaused: true }] }, /desk-pc could run it and is paused/],
    ['no_gpu', { module: gpuModule }, /needs a GPU, and desk-pc has none/],
    [
      'gpu_memory',
      { module: gpuModule, agents: [gpu(2 * 1024 ** 3)] },
      /needs 8192 MiB of GPU memory; at most 2048 MiB are free on desk-pc/,
    ],
    ['agent_full', { agents: [{ ...desk, running: 3 }], ahead: 0 }, /3 of 3 runs are busy on desk-pc\./],
    ['behind_others', { ahead: 12, usualSeconds: 5 }, /12 tasks are ahead; .* usually takes 5 s/],
    ['behind_others', { ahead: 1000 }, /more than 1000 tasks are ahead/],
  ])('%s', (reason, more, detail) => {
    const waiting = whyWaiting(facts(more))
    expect(waiting.map((one) => one.reason)).toContain(reason)
    expect(waiting.find((one) => one.reason === reason)?.detail).toMatch(detail)
  })

  test('lists all current reasons, with the numbers that a person needs', () => {
    const since = new Date(at.getTime() - 20_000)
    const waiting = whyWaiting(
      facts({
        agents: [{ ...desk, running: 3 }],
        slots: { global: slot(3, 3), module: null, key: null },
        ahead: 12,
        usualSeconds: 60,
        runningSince: [since, new Date(at.getTime() - 1_000)],
      }),
    )
    expect(waiting.map((one) => one.reason)).toEqual(['global_limit', 'agent_full', 'behind_others'])
    expect(waiting[1]).toMatchObject({
      detail:
        '3 of 3 runs are busy on desk-pc; 12 tasks are ahead; the first is expected to end in about 40 s.',
      ahead: 12,
      expectedSeconds: 40,
      agents: [{ agentId, name: 'desk-pc', running: 3, capacity: 3 }],
    })
  })

  test('is empty when nothing blocks the task, or when it does not wait', () => {
    expect(whyWaiting(facts())).toEqual([])
    expect(whyWaiting(facts({ module: gpuModule, agents: [gpu(null)] }))).toEqual([])
    for (const status of ['running', 'succeeded', 'failed'] as const)
      expect(whyWaiting(facts({ task: exampleTask({ status }), ahead: 5 }))).toEqual([])
  })
})
