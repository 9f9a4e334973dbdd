import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FinishAnswer, OutputFile, RunId } from '@millrace/shared/for-agents'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ApiAway, ApiRefused } from '../http/failures.ts'
import { openSignals } from '../signals/agent-signals.ts'
import { afterFailure } from './finish-answer.ts'
import { gatherOutputs } from './outputs.ts'
import { Reporter, type ReporterDeps } from './reporter.ts'
import { openSpool, type SpooledRun } from './spool.ts'
import { UploadImpossible } from './upload.ts'

const run = 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV.1' as const
const refused = (status: number, code: string | null) =>
  new ApiRefused(
    'POST finish',
    status,
    code === null ? null : { type: '', title: '', status, code, detail: 'because', requestId: '' },
  )

describe('the next step after a failed report', () => {
  test.each([
    ['422 invalid_request', refused(422, 'invalid_request'), 'replace_by_bad_output'],
    ['our own 413', refused(413, 'payload_too_large'), 'replace_by_bad_output'],
    ["a proxy's 413", refused(413, null), 'try_again'],
    ["a proxy's 422", refused(422, null), 'try_again'],
    ['409 session_expired', refused(409, 'session_expired'), 'try_again'],
    ['409 upload_incomplete', refused(409, 'upload_incomplete'), 'upload_again'],
    ['401', refused(401, 'unauthorized'), 'try_again'],
    ['404', refused(404, 'not_found'), 'try_again'],
    ['500 or no connection', new ApiAway('away'), 'try_again'],
    ['files that cannot be uploaded', new UploadImpossible('gone'), 'replace_by_upload_failed'],
    ['anything else', new Error('what?'), 'try_again'],
  ])('%s', (_, error, next) => {
    expect(afterFailure(error)).toBe(next)
  })
})

describe('reporting', () => {
  let home: string
  let runsDir: string
  let life: AbortController
  let store: Server
  let storeUrl: string
  const objects = new Map<string, string>()
  let onPut: ((response: ServerResponse) => boolean) | null

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'report-'))
    runsDir = join(home, 'runs')
    await mkdir(join(runsDir, run), { recursive: true })
    life = new AbortController()
    objects.clear()
    onPut = null
    store = createServer((request, response) => {
      const path = request.url ?? ''
      const chunks: Buffer[] = []
      if (onPut?.(response)) return
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        response.statusCode = objects.has(path) ? 412 : 200
        if (!objects.has(path)) objects.set(path, Buffer.concat(chunks).toString())
        response.end()
      })
    })
    await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve))
    const address = store.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    storeUrl = `http://127.0.0.1:${address.port}`
  })
  afterEach(async () => {
    life.abort()
    store.closeAllConnections()
    await new Promise((resolve) => store.close(resolve))
    await rm(home, { recursive: true })
  })

  const resultOf = (changes: Partial<SpooledRun> = {}): SpooledRun => ({
    v: 1,
    run,
    outcome: 'succeeded',
    outputs: { n: { value: 1 } },
    error: null,
    exitCode: 0,
    signal: null,
    startedAt: '2026-01-01T00:00:00.000Z',
    finishedAt: '2026-01-01T00:00:01.000Z',
    usage: null,
    log: { lines: 0, bytes: 0, truncated: false },
    logFile: null,
    ...changes,
  })

  /** Reports to an API that gives these answers in turn, then `applied`; waits for the end. */
  async function report(
    result: SpooledRun,
    answers: (FinishAnswer | Error)[] = [],
    deps: Partial<ReporterDeps> = {},
  ) {
    const spool = await openSpool(join(home, 'spool'))
    const reports: Parameters<ReporterDeps['finish']>[1][] = []
    let asked = 0
    const signals = openSignals()
    const unreported = new Set<RunId>()
    const reporter = new Reporter({
      ...{ signals, unreported },
      askForUrls: async (_, files: OutputFile[]) => {
        asked += 1
        return {
          uploads: files.map(({ output, n }) => ({
            output,
            n,
            method: 'PUT' as const,
            url: `${storeUrl}/${output}/${n}?X-Signature=s`,
            headers: {},
            expiresAt: '2026-01-01T00:00:00.000Z',
          })),
        }
      },
      finish: async (_, body) => {
        reports.push(body)
        const answer = answers.shift() ?? { applied: true }
        if (answer instanceof Error) throw answer
        return answer
      },
      spool,
      runsDir,
      logger: pino({ level: 'silent' }),
      signal: life.signal,
      ...deps,
    })
    await reporter.report(result)
    if (unreported.size === 0) await reporter.idle()
    return { reporter, reports, spool, held: () => [...unreported], signals, asked: () => asked }
  }

  test.each<[string, FinishAnswer]>([
    ['applied', { applied: true }],
    ['stale', { stale: true }],
  ])('%s: the agent removes the result from the spool, and its folder', async (_, answer) => {
    const { reports, spool, held } = await report(resultOf(), [answer])
    expect(reports).toMatchObject([{ outcome: 'succeeded', result: { n: { value: 1 } } }])
    expect(await spool.list()).toEqual([])
    expect(await readdir(runsDir)).toEqual([])
    expect(held()).toEqual([])
  })

  test.each([
    ['500', new ApiAway('500')],
    ['no connection', new ApiAway('refused')],
    ['session_expired twice', refused(409, 'session_expired')],
    ['403', refused(403, 'forbidden')],
  ])('%s: the result is kept, unchanged, and sent again', async (_, error) => {
    const { reporter, reports, spool, held, signals } = await report(resultOf(), [error])
    expect(held()).toEqual([run])
    expect(await spool.list()).toEqual([resultOf()])
    signals.apiIsBack.emit()
    await reporter.idle()
    expect(reports).toHaveLength(2)
    expect(reports[1]).toEqual(reports[0])
    expect(await spool.list()).toEqual([])
  })

  test.each([
    ['422', refused(422, 'invalid_request')],
    ['our 413', refused(413, 'payload_too_large')],
  ])('%s: the result is replaced by bad_output', async (_, error) => {
    const { reporter, reports } = await report(resultOf(), [error])
    await reporter.idle()
    expect(reports[1]).toMatchObject({
      outcome: 'failed',
      result: {},
      error: { code: 'bad_output', retryable: false, message: expect.stringContaining('because') },
    })
  })

  test('a result that is not reported before the end stays in the spool', async () => {
    const { reporter, spool } = await report(resultOf(), [new ApiAway('away')])
    life.abort()
    await reporter.idle()
    expect(await spool.list()).toEqual([resultOf()])
  })

  test('a result that does not fit on the disk is still reported', async () => {
    const spool = await openSpool(join(home, 'full'))
    await rm(join(home, 'full'), { recursive: true })
    const { reporter, reports, held, signals } = await report(resultOf(), [new ApiAway('away')], { spool })
    expect(held()).toEqual([run])
    signals.apiIsBack.emit()
    await reporter.idle()
    expect(reports).toHaveLength(2)
  })

  test('nor does a full disk lose a result that must be replaced', async () => {
    const spool = await openSpool(join(home, 'full'))
    await rm(join(home, 'full'), { recursive: true })
    const { reports } = await report(resultOf(), [refused(422, 'invalid_request')], { spool })
    expect(reports.map(({ outcome }) => outcome)).toEqual(['succeeded', 'failed'])
  })

  test('a dropped result is forgotten', async () => {
    const { reporter, spool, held } = await report(resultOf(), [new ApiAway('away')])
    await reporter.drop(run)
    expect(await spool.list()).toEqual([])
    expect(held()).toEqual([])
  })

  const withFiles = async () => {
    await writeFile(join(runsDir, run, 'picture'), Buffer.from('ffd8ffe0', 'hex'))
    await writeFile(join(runsDir, run, 'log.ndjson'), '{"n":1}\n')
    const outputs = await gatherOutputs(
      {
        photo: { path: join(runsDir, run, 'picture') },
        text: { value: 'x'.repeat(300_000) },
        small: { value: [1] },
      },
      join(runsDir, run),
    )
    return resultOf({ outputs, logFile: join(runsDir, run, 'log.ndjson') })
  }

  test('files, long values and the log are uploaded before the result is reported', async () => {
    const { reports } = await report(await withFiles())
    expect([...objects.keys()].map((path) => path.split('?')[0]).sort()).toEqual([
      '/$log/0',
      '/photo/0',
      '/text/0',
    ])
    expect(reports).toMatchObject([
      {
        result: {
          photo: { file: { name: 'picture', size: 4, contentType: 'image/jpeg' } },
          text: { file: { name: 'text.txt', size: 300_000, contentType: 'text/plain' } },
          small: { value: [1] },
        },
        log: { size: 8 },
      },
    ])
    expect(JSON.stringify(reports)).not.toContain(home)
  })

  test('500s and cut connections of the store are retried with fresh URLs', async () => {
    let puts = 0
    onPut = (response) => {
      puts += 1
      if (puts > 5) return false
      if (puts % 2) response.writeHead(500).end()
      else response.destroy()
      return true
    }
    const { reports, asked } = await report(await withFiles())
    expect(reports).toHaveLength(1)
    expect(objects.size).toBe(3)
    expect(asked()).toBeGreaterThan(2)
  })

  test('412 means that the store already has the bytes', async () => {
    for (const path of ['/photo/0', '/text/0', '/$log/0']) objects.set(`${path}?X-Signature=s`, 'before')
    const { reports } = await report(await withFiles())
    expect(reports).toMatchObject([{ outcome: 'succeeded' }])
    expect(objects.get('/photo/0?X-Signature=s')).toBe('before')
  })

  test('after upload_incomplete the files are uploaded again', async () => {
    const { reporter, reports, asked, signals } = await report(await withFiles(), [
      refused(409, 'upload_incomplete'),
    ])
    const before = asked()
    signals.apiIsBack.emit()
    await reporter.idle()
    expect(asked()).toBeGreaterThan(before)
    expect(reports).toHaveLength(2)
  })

  test('a file that is gone makes the run fail as upload_failed', async () => {
    const result = await withFiles()
    await rm(join(runsDir, run, 'picture'))
    const { reporter, reports } = await report(result)
    await reporter.idle()
    expect(reports).toMatchObject([{ outcome: 'failed', error: { code: 'upload_failed', retryable: true } }])
  })
})
