import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Manifest } from '@millrace/shared/for-agents'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { classifyOutcome } from './classify-outcome.ts'
import { nothingPrinted } from './output/result-lines.ts'
import type { ProcessEnd } from './run-process.ts'

let outputDir: string
beforeAll(async () => {
  outputDir = await mkdtemp(join(tmpdir(), 'millrace-judge-'))
  await writeFile(join(outputDir, 'real.jpg'), Buffer.from([0xff, 0xd8, 0xff, 0xe0]))
  await writeFile(join(outputDir, 'fake.jpg'), 'not a picture')
  await writeFile(join(outputDir, 'empty.jpg'), '')
})
afterAll(() => rm(outputDir, { recursive: true }))

const success = '{"status":"success","outputs":{"answer":"yes"}}'
const manifest = (outputs: object[]) => Manifest.parse({ name: 'one', version: '1.0.0', outputs })
const text = manifest([{ key: 'answer', type: 'text' }])

const judged = (end: Partial<ProcessEnd>, of = text) =>
  classifyOutcome({
    end: {
      exitCode: 0,
      signal: null,
      stopReason: null,
      lastJsonLine: null,
      usage: { peakRamBytes: null, peakVramBytes: null, cpuSeconds: null },
      startError: null,
      stderrTail: [],
      stdoutTail: [],
      printed: nothingPrinted,
      ...end,
    },
    manifest: of,
    outputDir,
  })

describe("the agent's own reason outranks a result", () => {
  it.each([
    ['cancelled', 'cancelled', 'cancelled'],
    ['timed_out', 'timed_out', 'timed_out'],
    ['shutdown', 'handed_back', undefined],
    ['superseded', 'handed_back', undefined],
  ] as const)('%s', async (stopReason, outcome, code) => {
    const verdict = await judged({ stopReason, lastJsonLine: success })
    expect([verdict.outcome, verdict.error?.code, verdict.outputs]).toEqual([outcome, code, {}])
  })
})

describe('the result outranks the exit code', () => {
  it('success, then a crash during cleanup', async () => {
    expect(await judged({ exitCode: null, signal: 'SIGABRT', lastJsonLine: success })).toMatchObject({
      outcome: 'succeeded',
      outputs: { answer: { value: 'yes' } },
    })
  })
  it.each([
    ['{"success": false, "error": "broken"}', 1, true, 'broken', null],
    ['{"success": false, "error": {"type": "X", "message": "broken"}}', 2, false, 'broken', 'X'],
    ['{"status": "error", "error": {"message": "m", "retry_possible": true}}', 2, true, 'm', null],
    ['{"status": "error"}', 1, true, 'The module gave no reason', null],
  ])('%s with exit code %i', async (lastJsonLine, exitCode, retryable, message, type) => {
    const { error } = await judged({ lastJsonLine, exitCode })
    expect(error).toEqual({ code: 'module_error', message, retryable, detail: { type } })
  })
})

it('treats Windows exception codes as crashes', async () => {
  const { error } = await judged({ exitCode: 0xc0000005 })
  expect(error).toMatchObject({ code: 'crashed', retryable: true })
  expect(error?.message).toContain('0xc0000005')
})

it('reads {"success": true, "result": …}', async () => {
  const wrapped = await judged({ lastJsonLine: '{"success":true,"result":{"answer":"yes"}}' })
  expect(wrapped).toMatchObject({
    outcome: 'succeeded',
    outputs: { answer: { value: 'yes' } },
    undeclared: [],
  })
  const worker = manifest([{ key: 'result', type: 'json' }])
  const whole = await judged({ lastJsonLine: '{"success":true,"result":{"n":1}}' }, worker)
  expect(whole).toMatchObject({ outcome: 'succeeded', outputs: { result: { value: { n: 1 } } } })
})

describe('files', () => {
  const picture = manifest([{ key: 'picture', type: 'file', format: 'jpeg' }])
  const returned = (value: unknown) => ({
    lastJsonLine: JSON.stringify({ status: 'success', outputs: { picture: value } }),
  })

  it.each(['real.jpg', './real.jpg', '.\\real.jpg'])('finds %s', async (path) => {
    expect(await judged(returned(path), picture)).toMatchObject({ outcome: 'succeeded' })
  })
  it.each([
    ['fake.jpg', /fake\.jpg is not a valid jpg file: it begins with "not a picture"$/],
    ['empty.jpg', /is empty/],
    ['real.png', /does not exist/],
    ['', /must be the path of a file/],
    ['a\0b', /must be the path of a file/],
    ['/etc/hostname', /outside the output folder/],
    [7, /must be a file, not a number/],
  ])('%s is rejected', async (path, message) => {
    const { outcome, error } = await judged(returned(path), picture)
    expect([outcome, error?.code, error?.retryable]).toEqual(['failed', 'bad_output', false])
    expect(error?.message).toMatch(message)
  })

  it('accepts several', async () => {
    const many = manifest([{ key: 'picture', type: 'file', multiple: true }])
    const { outputs } = await judged(returned(['real.jpg', 'fake.jpg']), many)
    expect(outputs.picture).toMatchObject({
      paths: [/real\.jpg$/, /fake\.jpg$/].map((path) => expect.stringMatching(path)),
    })
    const { error } = await judged(returned('real.jpg'), many)
    expect(error?.message).toBe('Output "picture" must be a list')
  })
})

it('accepts a missing or null optional output', async () => {
  const optional = manifest([
    { key: 'answer', type: 'text' },
    { key: 'more', type: 'json', required: false },
  ])
  for (const more of ['', ',"more":null']) {
    const verdict = await judged(
      { lastJsonLine: `{"status":"success","outputs":{"answer":"yes"${more}}}` },
      optional,
    )
    expect(verdict.outputs).toEqual({ answer: { value: 'yes' } })
  }
})

it('rejects half a surrogate pair in an output and names its place', async () => {
  const json = manifest([{ key: 'answer', type: 'json' }])
  for (const [value, place] of [
    ['"\\ud800"', '/'],
    ['{"a": [1, "x\\udc00"]}', '/a/1'],
    ['{"\\ud83d": 1}', '/\ufffd'],
  ]) {
    const line = `{"status": "success", "outputs": {"answer": ${value}}}`
    const { error } = await judged({ lastJsonLine: line }, json)
    expect(error).toMatchObject({ code: 'bad_output', retryable: false })
    expect(error?.message).toContain(
      `"answer" has half a surrogate pair, which is no character, at ${place}:`,
    )
  }
  const whole = await judged(
    { lastJsonLine: '{"status": "success", "outputs": {"answer": "\\ud83d\\ude00"}}' },
    json,
  )
  expect(whole.outputs).toEqual({ answer: { value: '😀' } })
})
