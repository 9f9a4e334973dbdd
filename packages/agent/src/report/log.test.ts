import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogBatch } from '@millrace/shared/for-agents'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LogBatches } from './log-batches.ts'
import { LogFile } from './log-file.ts'
import { RunLog } from './run-log.ts'

const at = '2026-01-01T00:00:00.000Z'
const lineOf = (n: number, line = `line ${n}`) => ({ n, at, stream: 'stdout' as const, line })

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'log-'))
})
afterEach(() => rm(folder, { recursive: true }))
const linesIn = async (path: string) =>
  (await readFile(path, 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map((text) => JSON.parse(text))

describe('batches', () => {
  test('hold at most 64 KiB, follow each other without a gap, and carry progress once', () => {
    const batches = new LogBatches()
    for (let n = 1; n <= 100; n++) batches.add(lineOf(n, 'x'.repeat(2000)))
    batches.progress({ percent: 10 })
    batches.progress({ percent: 20 })
    const taken: LogBatch[] = []
    for (let batch = batches.take(); batch; batch = batches.take()) taken.push(batch)
    expect(taken.flatMap(({ lines }) => lines.map(({ n }) => n))).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 1),
    )
    expect(taken.map(({ progress }) => progress)).toEqual([{ percent: 20 }, undefined, undefined, undefined])
    for (const batch of taken) {
      expect(batch.from).toBe(batch.lines[0]?.n)
      expect(JSON.stringify(batch).length).toBeLessThan(70_000)
    }
  })

  test('a single line longer than a batch is still sent', () => {
    const batches = new LogBatches()
    batches.add(lineOf(1, 'x'.repeat(100_000)))
    expect(batches.take()?.lines).toHaveLength(1)
    expect(batches.isEmpty).toBe(true)
  })

  test('progress without lines names the next line', () => {
    const batches = new LogBatches()
    batches.add(lineOf(1))
    batches.take()
    batches.progress({ message: 'half' })
    expect(batches.take()).toEqual({ v: 1, from: 2, lines: [], progress: { message: 'half' } })
  })

  test('lines that wait are dropped, oldest first, above 1 MiB', () => {
    const batches = new LogBatches()
    for (let n = 1; n <= 2000; n++) batches.add(lineOf(n, 'x'.repeat(1000)))
    const first = batches.take()?.from ?? 0
    expect(first).toBeGreaterThan(1000)
    expect(first).toBeLessThan(1200)
  })
})

describe('the file', () => {
  test('has every line as NDJSON', async () => {
    const file = new LogFile(join(folder, 'log'))
    file.add(lineOf(1))
    await file.flush()
    file.add(lineOf(2, 'ä'))
    expect(await file.close()).toEqual({ path: join(folder, 'log'), lines: 2, bytes: 8, truncated: false })
    expect(await linesIn(join(folder, 'log'))).toEqual([lineOf(1), lineOf(2, 'ä')])
  })

  test('is not created without lines', async () => {
    expect(await new LogFile(join(folder, 'log')).close()).toEqual({
      path: null,
      lines: 0,
      bytes: 0,
      truncated: false,
    })
  })

  test('keeps head and tail of a long log, and the number of missing lines', async () => {
    const file = new LogFile(join(folder, 'log'), { head: 1000, tail: 1000 })
    for (let n = 1; n <= 10_000; n++) {
      file.add(lineOf(n))
      if (n % 777 === 0) await file.flush()
    }
    expect(await file.close()).toMatchObject({ lines: 10_000, truncated: true })
    const lines = await linesIn(join(folder, 'log'))
    const gap = lines.findIndex(({ stream }) => stream === 'agent')
    const kept = lines.filter(({ stream }) => stream === 'stdout')
    expect(lines[gap].line).toBe(`${10_000 - kept.length} lines left out here`)
    expect(lines[gap - 1].n).toBe(gap)
    expect(lines[gap].n).toBe(lines[gap + 1].n - 1)
    expect(lines.at(-1)).toEqual(lineOf(10_000))
    expect(lines.length).toBeGreaterThan(20)
  })
})

describe('the log of a run', () => {
  const openLog = (isOpen: () => boolean, sent: LogBatch[]) =>
    new RunLog({
      path: join(folder, 'log'),
      isOpen,
      publish: async (batch) => {
        sent.push(batch)
        return true
      },
      logger: pino({ level: 'silent' }),
    })

  test('numbers lines over all streams, and sends and writes all before it closes', async () => {
    const sent: LogBatch[] = []
    const log = openLog(() => true, sent)
    log.add('stdout', 'a')
    log.add('stderr', 'b')
    log.progress({ percent: 50 })
    const { kept, sent: all } = log.close()
    await all
    expect(await kept).toMatchObject({ lines: 2, bytes: 2, truncated: false })
    expect(sent).toMatchObject([
      {
        from: 1,
        lines: [
          { n: 1, stream: 'stdout', line: 'a' },
          { n: 2, stream: 'stderr' },
        ],
        progress: { percent: 50 },
      },
    ])
    expect(await linesIn(join(folder, 'log'))).toHaveLength(2)
  })

  test('keeps lines while NATS is unreachable, and sends them later', async () => {
    const sent: LogBatch[] = []
    let isUp = false
    const log = openLog(() => isUp, sent)
    for (let n = 1; n <= 100; n++) log.add('stdout', 'x'.repeat(1000))
    expect(sent).toEqual([])
    isUp = true
    const { kept, sent: all } = log.close()
    await Promise.all([kept, all])
    expect(sent.flatMap(({ lines }) => lines)).toHaveLength(100)
  })
})
