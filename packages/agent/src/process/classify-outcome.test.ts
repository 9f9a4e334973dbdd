import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startFixture } from '../../fixtures/run-fixture.ts'
import { startWatchdog, type Watchdog } from './stop/watchdog.ts'

let watchdog: Watchdog
beforeAll(() => {
  watchdog = startWatchdog()
})
afterAll(() => watchdog.close())

async function verdictOf(deed: string) {
  const run = await startFixture({ do: deed }, watchdog)
  const verdict = await run.verdict()
  const note = join(await realpath(run.outputDir), 'note.txt')
  await run.clean()
  return { verdict, note }
}

describe('success', () => {
  it('returns values and real paths', async () => {
    const { verdict, note } = await verdictOf('behave')
    expect(verdict).toEqual({
      outcome: 'succeeded',
      outputs: { answer: { value: 'done' }, score: { value: 1 }, note: { path: note } },
      error: null,
      undeclared: [],
      notes: [],
    })
  })

  it('prefers result.json to the printed result', async () => {
    const { verdict } = await verdictOf('write-result-file')
    expect(verdict).toMatchObject({ outcome: 'succeeded', outputs: { answer: { value: 'from the file' } } })
  })

  it('drops undeclared outputs', async () => {
    const { verdict } = await verdictOf('return-too-much')
    expect(verdict).toEqual({
      outcome: 'succeeded',
      outputs: { answer: { value: 'done' } },
      error: null,
      undeclared: ['surprise'],
      notes: [],
    })
  })

  it('accepts files that were never closed', async () => {
    const { verdict, note } = await verdictOf('leave-files-open')
    expect(verdict).toMatchObject({ outcome: 'succeeded', outputs: { note: { path: note } } })
  })
})

describe('failure', () => {
  it.each([
    ['exit-0', 'failed', 'bad_output', false, /gave no result/],
    ['exit-1', 'failed', 'module_error', true, /exit code 1.*leaving with 1/s],
    ['exit-2', 'failed', 'module_error', false, /exit code 2/],
    ['exit-3', 'timed_out', 'timed_out', true, /exit code 3/],
    ['exit-130', 'failed', 'crashed', true, /interrupted, but not by the agent/],
    ['fail-for-now', 'failed', 'module_error', true, /^not today$/],
    ['fail-for-good', 'failed', 'module_error', false, /^never$/],
    ['die-by-signal', 'failed', 'crashed', true, /SIGSEGV/],
    ['run-out-of-memory', 'failed', 'out_of_memory', true, /ran out of memory/],
    ['print-garbage', 'failed', 'bad_output', false, /gave no result/],
    ['write-garbage', 'failed', 'bad_output', false, /result\.json is not valid JSON/],
    ['print-nan', 'failed', 'bad_output', false, /NaN or Infinity.*at \/outputs\/score/],
    ['leave-out-an-output', 'failed', 'bad_output', false, /"answer" is missing/],
    ['return-wrong-kind', 'failed', 'bad_output', false, /"score" must be a number, not a string/],
    ['point-outside', 'failed', 'bad_output', false, /outside the output folder/],
    ['link-outside', 'failed', 'bad_output', false, /outside the output folder/],
    ['name-missing-file', 'failed', 'bad_output', false, /does not exist in the output folder/],
    ['name-folder', 'failed', 'bad_output', false, /not a regular file/],
  ] as const)('%s', async (deed, outcome, code, retryable, message) => {
    const { verdict } = await verdictOf(deed)
    expect(verdict).toMatchObject({ outcome, outputs: {}, error: { code, retryable } })
    expect(verdict.error?.message).toMatch(message)
  })
})
