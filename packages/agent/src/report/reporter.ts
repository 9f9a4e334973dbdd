import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type FinishAnswer,
  type FinishRequest,
  logOutput,
  type OutputFile,
  type OutputsAnswer,
  type RunId,
  type TaskError,
} from '@millrace/shared/for-agents'
import { backoffMs, sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import { ApiAway } from '../http/failures.ts'
import type { AgentSignals } from '../signals/agent-signals.ts'
import { afterFailure, type Next } from './finish-answer.ts'
import { failedInstead, filesOf, finishReport } from './finish-report.ts'
import { measureFile } from './outputs.ts'
import type { Spool, SpooledRun } from './spool.ts'
import { type UploadOptions, upload } from './upload.ts'

export type ReporterDeps = {
  /** Both send under the current session, and throw `ApiRefused` or `ApiAway`. */
  askForUrls(run: RunId, files: OutputFile[], signal: AbortSignal): Promise<OutputsAnswer>
  finish(run: RunId, report: Omit<FinishRequest, 'sessionId'>, signal: AbortSignal): Promise<FinishAnswer>
  signals: Pick<AgentSignals, 'apiIsBack' | 'machineWoke'>
  /** The runs whose results the API has not acknowledged; a registration names them. */
  unreported: Set<RunId>
  spool: Spool
  runsDir: string
  logger: Logger
  /** Ends all retries; unacknowledged results stay in the spool. */
  signal: AbortSignal
}

/** Reports results to the API: each stays in the spool until the API answers `applied` or `stale`. */
export class Reporter {
  readonly #deps: ReporterDeps
  #wake = new AbortController()
  readonly #held = new Map<RunId, { ended: Promise<void>; drop: AbortController }>()

  constructor(deps: ReporterDeps) {
    this.#deps = deps
    deps.signals.apiIsBack.subscribe('reporter', () => this.#tryNow())
    deps.signals.machineWoke.subscribe('reporter', () => this.#tryNow())
  }

  /** Resumes the results that an earlier process left in the spool. */
  resume(results: SpooledRun[]): void {
    for (const result of results) void this.#keep(result)
  }

  /**
   * Reports a result and writes it to the spool meanwhile. Resolves when the API has answered, or when the result is on
   * disk and must wait for a server; the reporter then retries in the background.
   */
  async report(result: SpooledRun): Promise<void> {
    const reported = this.#keep(result)
    await this.#write(result)
    await reported
  }

  /** Drops the result of a superseded run. */
  async drop(run: RunId): Promise<void> {
    const held = this.#held.get(run)
    held?.drop.abort()
    await held?.ended
    await this.#forget(run)
  }

  /** Resolves when no delivery is in progress. */
  async idle(): Promise<void> {
    while (this.#held.size > 0) await Promise.all([...this.#held.values()].map(({ ended }) => ended))
  }

  /** Retries all waiting results now, since servers are reachable again. */
  #tryNow(): void {
    this.#wake.abort()
    this.#wake = new AbortController()
  }

  #keep(result: SpooledRun): Promise<void> {
    const drop = new AbortController()
    const firstTry = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<void>()
    const signal = AbortSignal.any([drop.signal, this.#deps.signal])
    // First of all, since the first attempt may cause a registration, which must name this run.
    this.#deps.unreported.add(result.run)
    this.#held.set(result.run, { ended: ended.promise, drop })
    this.#deliver(result, signal, firstTry.resolve)
      .then(async (isAnswered) => {
        if (!isAnswered) return
        // The next run does not wait for this cleanup, and heartbeats no longer name the run.
        this.#deps.unreported.delete(result.run)
        firstTry.resolve()
        await this.#forget(result.run)
      })
      .catch((error: unknown) => {
        if (!signal.aborted) this.#deps.logger.error({ err: error, run: result.run }, 'reporting failed')
      })
      .finally(() => {
        this.#held.delete(result.run)
        this.#deps.unreported.delete(result.run)
        firstTry.resolve()
        ended.resolve()
      })
    return firstTry.promise
  }

  /** Retries until the API answers; `false` when stopped earlier. */
  async #deliver(spooled: SpooledRun, signal: AbortSignal, afterFirstTry: () => void): Promise<boolean> {
    let result = spooled
    let uploaded: Uploaded = nothingYet
    for (let tries = 1; !signal.aborted; tries++) {
      try {
        uploaded = await this.#upload(result, uploaded, signal)
        await this.#deps.finish(result.run, finishReport(result, uploaded.logSize), signal)
        return true
      } catch (error) {
        if (signal.aborted) return false
        const next = afterFailure(error)
        this.#deps.logger.warn(
          { err: error, run: result.run, tries, next },
          'reporting a result failed; retrying',
        )
        if (next === 'upload_again') uploaded = nothingYet
        const instead = replacement(next, messageOf(error))
        if (instead) {
          result = failedInstead(result, instead)
          await this.#write(result)
          continue
        }
      }
      afterFirstTry()
      await sleep(backoffMs(tries), AbortSignal.any([signal, this.#wake.signal]))
    }
    return false
  }

  /** Uploads the log and the outputs that the store does not have yet. */
  async #upload(result: SpooledRun, before: Uploaded, signal: AbortSignal): Promise<Uploaded> {
    if (before.isDone) return before
    const { logger } = this.#deps
    const onTrouble = (err: unknown) => logger.warn({ err, run: result.run }, 'an upload failed; retrying')
    const ask = (files: OutputFile[]) => this.#deps.askForUrls(result.run, files, signal)
    const [logSize] = await Promise.all([
      this.#uploadLog(result, { ask, signal, rounds: 3, onTrouble }),
      upload(filesOf(result), { ask, signal, onTrouble }),
    ])
    return { isDone: true, logSize }
  }

  /** A failed upload of the log must not delay a result. Returns the uploaded size. */
  async #uploadLog(result: SpooledRun, options: UploadOptions): Promise<number | null> {
    if (!result.logFile) return null
    try {
      const file = await measureFile(logOutput, 0, result.logFile)
      await upload([{ ...file, contentType: 'application/x-ndjson' }], options)
      return file.size
    } catch (error) {
      // An unreachable API says nothing about the log: retry everything together.
      if (error instanceof ApiAway) throw error
      options.onTrouble(error)
      return null
    }
  }

  /** A full disk must not lose a result; then only a kill of this process can. */
  async #write(result: SpooledRun): Promise<void> {
    await this.#deps.spool.put(result).catch((err: unknown) => {
      this.#deps.logger.error(
        { err, run: result.run },
        'a result could not be saved; keeping it in memory until it is reported',
      )
    })
  }

  async #forget(run: RunId): Promise<void> {
    await this.#deps.spool.remove(run)
    await rm(join(this.#deps.runsDir, run), { recursive: true, force: true })
  }
}

type Uploaded = { isDone: boolean; logSize: number | null }
const nothingYet: Uploaded = { isDone: false, logSize: null }

function replacement(next: Next, message: string): TaskError | null {
  if (next === 'replace_by_bad_output') return { code: 'bad_output', message, retryable: false }
  if (next === 'replace_by_upload_failed') return { code: 'upload_failed', message, retryable: true }
  return null
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
