import { Manifest } from '@millrace/shared/for-agents'
import { describe, expect, test } from 'vitest'
import { classifyOutcome } from './classify-outcome.ts'
import { parseOutput } from './output/parse-output.ts'
import { nothingPrinted } from './output/result-lines.ts'
import type { ProcessEnd } from './run-process.ts'
import { expectedAnswer, workerAnswer } from './worker-answer.ts'

const manifest = Manifest.parse({
  name: 'worker',
  version: '1.0.0',
  outputs: [{ key: 'result', type: 'json' }],
})

function ended(lastJsonLine: string | null, more: Partial<ProcessEnd> = {}): ProcessEnd {
  const usage = { peakRamBytes: null, peakVramBytes: null, cpuSeconds: null }
  const end = {
    exitCode: 0,
    signal: null,
    stopReason: null,
    startError: null,
    stderrTail: [],
    stdoutTail: [],
    usage,
  }
  const printed = nothingPrinted
  return { ...end, printed, lastJsonLine, ...more }
}

const judged = (end: ProcessEnd) =>
  classifyOutcome({ end, manifest, outputDir: '/nowhere', result: workerAnswer(end).result })

describe('an answer', () => {
  test.each([
    ['{"success": true, "result": {"videos": [1]}}', { videos: [1] }],
    ['{"success": true, "result": {"result": 5}}', { result: 5 }],
    ['{"success": true, "result": [1, "two"]}', [1, 'two']],
    ['{"success": true, "result": null}', null],
    ['{"success": true}', null],
  ])('%s becomes one output, whole', async (line, result) => {
    expect(await judged(ended(line))).toEqual({
      outcome: 'succeeded',
      outputs: { result: { value: result } },
      error: null,
      undeclared: [],
      notes: [],
    })
  })

  test.each([
    ['{"retry_possible": true}', 2, true],
    ['{"retry_possible": false}', 1, false],
    ['{}', 1, true],
    ['{}', 2, false],
  ])('of failure with %s and exit code %i: retryable is %s', async (error, exitCode, retryable) => {
    const { outcome, error: failure } = await judged(
      ended(`{"success": false, "error": ${error}}`, { exitCode }),
    )
    expect([outcome, failure?.code, failure?.retryable]).toEqual(['failed', 'module_error', retryable])
  })

  test('keeps type, message and traceback', async () => {
    const error = { type: 'ValueError', message: 'no such page', traceback: 'Traceback:\n  line 1\n' }
    const end = ended(JSON.stringify({ success: false, error }), { exitCode: 1 })
    expect((await judged(end)).error).toEqual({
      code: 'module_error',
      message: 'no such page',
      retryable: true,
      detail: { type: 'ValueError', traceback: 'Traceback:\n  line 1\n' },
    })
    expect(workerAnswer(end).lines).toEqual([
      { stream: 'stderr', line: 'Traceback:' },
      { stream: 'stderr', line: '  line 1' },
    ])
  })

  test('may have log lines of any shape', () => {
    const logs = [{ level: 'INFO', message: 'a\nb' }, { message: 'c' }, 'd', 5, { other: 1 }]
    expect(
      workerAnswer(ended(JSON.stringify({ success: true, logs }))).lines.map(({ line }) => line),
    ).toEqual(['INFO a', 'INFO b', 'c', 'd', '5', '{"other":1}'])
    const long = workerAnswer(ended(JSON.stringify({ success: true, logs: ['x'.repeat(100_000)] })))
    expect(long.lines[0]?.line).toMatch(/^x{65536} … \[line cut, 34464 bytes more\]$/)
    expect(workerAnswer(ended('{"success": true, "logs": "none"}')).lines).toEqual([])
  })

  test('with NaN is rejected, and the error names the place', async () => {
    const { error } = await judged(ended('{"success": true, "result": {"score": NaN}}'))
    expect(error).toMatchObject({
      code: 'bad_output',
      message: expect.stringContaining('/result/score'),
      retryable: false,
    })
  })

  test('is recognized by its key: other objects with a status are log', async () => {
    const lines: string[] = []
    const output = parseOutput({
      onLine: (_, line) => {
        lines.push(line)
      },
      expected: expectedAnswer,
    })
    for (const text of ['{"status": 200}', '{"success": true, "result": 1}', '{"status": "closed"}'])
      await output.stdout({ text, dropped: 0 })
    expect(output.result.text).toBe('{"success": true, "result": 1}')
    expect(lines).toEqual(['{"status": 200}', '{"status": "closed"}'])
  })
})

describe('no answer', () => {
  test.each([
    [0, 'bad_output', false],
    [1, 'module_error', true],
    [2, 'module_error', false],
    [3, 'timed_out', true],
    [130, 'crashed', true],
  ])('and exit code %i is %s', async (exitCode, code, retryable) => {
    const { error } = await judged(ended(null, { exitCode, stderrTail: ['last words'] }))
    expect(error).toMatchObject({ code, retryable, message: expect.stringContaining('last words') })
  })
})
