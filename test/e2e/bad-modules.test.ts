import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fixtureFolder } from '../support/agent-process.ts'
import { type Installation, installation } from '../support/installation.ts'
import { until } from '../support/until.ts'

/** Modules that cannot be used end in ERROR with the reason; the agent and its other modules go on. */

const reasons: [module: string, reason: RegExp][] = [
  ['needs-unknown-package', /millrace-no-such|not.*found|No solution|cannot be installed/i],
  ['missing-library', /Missing library libGL\.so\.1/],
  ['missing-package', /Missing Python package/],
  ['setup-fails', /set-?up/i],
  ['test-fails', /test/i],
  ['test-hangs', /1 s|took longer|time/i],
  ['test-prints-garbage', /result/i],
  ['test-returns-wrong-kind', /text|number/i],
  ['test-data-missing', /test_data\.json/],
  ['manifest-not-json', /JSON/],
  ['manifest-incomplete', /version|name/],
  ['entry-outside', /inside the module folder/],
  ['entry-missing', /main\.py|entry/],
]

let here: Installation
beforeAll(async () => {
  here = await installation(['text-stats', 'misbehave', ...reasons.map(([module]) => module)])
  await here.agent.available(here.client, ['text-stats', 'misbehave'])
})
afterAll(() => here?.close())

describe('a module that cannot be used', () => {
  test.each(reasons)('%s is ERROR with its reason', async (name, reason) => {
    const module = await until(`${name} is ERROR`, 120, async () => {
      const found = await here.client.module(name)
      return found.status === 'ERROR' && found
    })
    expect(module.agents).toHaveLength(1)
    expect(module.agents[0]?.error).toMatch(reason)
    const { status } = await here.client.createTask({ module: 'text-stats', inputs: { text: 'still here' } })
    expect(status).toBe('queued')
  })

  test('is tried again after its folder was corrected, on request', async () => {
    const broken = join(here.agent.modulesDir, 'test-fails')
    await rm(broken, { recursive: true })
    await cp(fixtureFolder('text-stats'), broken, { recursive: true })
    await rm(join(here.agent.modulesDir, 'text-stats'), { recursive: true })
    await here.client.scanModules()
    await until('text-stats comes from the other folder', 60, async () => {
      const { agents } = await here.client.module('text-stats')
      return agents[0]?.status === 'AVAILABLE' && (await goneModule('test-fails'))
    })
  })
})

async function goneModule(name: string): Promise<boolean> {
  const { items } = await here.client.listModules({ limit: 200 })
  return !items.some((module) => module.name === name)
}

const outcomes: [deed: string, status: string, error: object | null][] = [
  ['exit-0', 'failed', { code: 'bad_output', retryable: false }],
  ['exit-1', 'failed', { code: 'module_error', retryable: true }],
  ['exit-2', 'failed', { code: 'module_error', retryable: false }],
  ['exit-3', 'failed', { code: 'timed_out' }],
  ['exit-130', 'failed', { code: 'crashed', retryable: true }],
  ['die-by-signal', 'failed', { code: 'crashed', retryable: true }],
  ['fail-for-good', 'failed', { code: 'module_error', retryable: false }],
  ['flood', 'succeeded', null],
  ['print-broken-text', 'succeeded', null],
  ['print-garbage', 'failed', { code: 'bad_output' }],
  ['print-nan', 'failed', { code: 'bad_output' }],
  ['point-outside', 'failed', { code: 'bad_output' }],
  ['link-outside', 'failed', { code: 'bad_output' }],
  ['leave-out-an-output', 'failed', { code: 'bad_output' }],
]

describe('a module that', () => {
  test.each(outcomes)('does "%s" ends its task as %s', async (deed, status, error) => {
    const task = await here.client.createTask({ module: 'misbehave', inputs: { do: deed }, maxAttempts: 1 })
    const ended = await until('it has ended', 60, async () => {
      const now = await here.client.task(task.id, 10)
      return now.finishedAt !== null && now
    })
    expect(ended.status).toBe(status)
    if (error) expect(ended.error).toMatchObject(error)
    else expect(ended.error).toBeNull()
    const outputs = await Promise.all(
      Object.values(ended.outputs).map((output) => here.client.data(output.data)),
    )
    if (status === 'failed') expect(outputs.every((item) => item.status === 'failed')).toBe(true)
  })

  test('printed 100 MB keeps the head and the tail of its log, with the middle counted', async () => {
    const task = await here.client.createTask({
      module: 'misbehave',
      inputs: { do: 'flood' },
      maxAttempts: 1,
    })
    await until('it has ended', 60, async () => (await here.client.task(task.id, 10)).status === 'succeeded')
    const { log } = await here.client.run(`${task.id}.1`)
    expect(log).toMatchObject({ truncated: true })
    expect(log?.bytes).toBeGreaterThan(90_000_000)
    const tail = await here.client.runLog(`${task.id}.1`, { tail: 5 })
    expect(tail.length).toBeGreaterThan(0)
    const head = await here.client.runLog(`${task.id}.1`, { limit: 5 })
    expect(head.map((line) => line.n)).toEqual([1, 2, 3, 4, 5])
  })
})
