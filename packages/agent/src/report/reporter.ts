import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type FinishAnswer,
  type FinishRequest,
  logOutput,
  type OutputFile,
  type OutputsAnswer,
  type RunId,
} from '@millrace/shared'
import type { Logger } from 'pino'
import { backoffMs, pause } from '../backoff.ts'
import { afterAnswer, afterFailure, type Next } from './finish-answer.ts'
import { failedInstead, filesOf, finishReport } from './finish-report.ts'
import { measureFile } from './outputs.ts'
import type { Spool, SpooledRun } from './spool.ts'
import { UploadImpossible, upload } from './upload.ts'

export type ReporterDeps = {
  /** Both send under the current session, and throw `ApiRefused` or `ApiAway`. */
  askForUrls(run: RunId, files: OutputFile[], signal: AbortSignal): Promise<OutputsAnswer>
  finish(run: RunId, report: Omit<FinishRequest, 'sessionId'>, signal: AbortSignal): Promise<FinishAnswer>
  spool: Spool
  runsDir: string
  logger: Logger
  /** Ends all tries; what is not answered then stays in the spool. */
  signal: AbortSignal
}

/** Brings results to the API: each stays in the spool until the API answered `applied` or `stale`. */
export class Reporter {
  readonly #deps: ReporterDeps
  readonly #held = new Map<RunId, { ended: Promise<void>; drop: AbortController }>()

  constructor(deps: ReporterDeps) {
    this.#deps = deps
  }

  /** Runs whose results were not answered yet. */
  held(): RunId[] {
    return [...this.#held.keys()]
  }

  /** Takes up what a former process left in the spool. */
  resume(results: SpooledRun[]): void {
    for (const result of results) void this.#keep(result)
  }

  /**
   * Reports a result that is in the spool already. Resolves when it was answered, or when it has to wait
   * for a server: it is tried on in the background then.
   */
  report(result: SpooledRun): Promise<void> {
    return this.#keep(result)
  }

  /** Forgets a result: its run counts no more. */
  async drop(run: RunId): Promise<void> {
    const held = this.#held.get(run)
    held?.drop.abort()
    await held?.ended
    await this.#forget(run)
  }

  /** Resolves when nothing is being delivered any more. */
  async idle(): Promise<void> {
    while (this.#held.size > 0) await Promise.all([...this.#held.values()].map(({ ended }) => ended))
  }

  #keep(result: SpooledRun): Promise<void> {
    const drop = new AbortController()
    const firstTry = Promise.withResolvers<void>()
    const signal = AbortSignal.any([drop.signal, this.#deps.signal])
    const ended = this.#deliver(result, signal, firstTry.resolve)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#deps.logger.error({ err: error, run: result.run }, 'reporting broke off')
      })
      .finally(() => {
        this.#held.delete(result.run)
        firstTry.resolve()
      })
    this.#held.set(result.run, { ended, drop })
    return firstTry.promise
  }

  async #deliver(spooled: SpooledRun, signal: AbortSignal, afterFirstTry: () => void): Promise<void> {
    const { logger } = this.#deps
    let result = spooled
    for (let tries = 1; ; tries++) {
      const { next, error } = await this.#tryOnce(result, signal)
      if (next === 'done') return await this.#forget(result.run)
      if (signal.aborted) return
      logger.warn({ err: error, run: result.run, tries, next }, 'a result is not reported yet')
      if (next === 'replace_by_bad_output') {
        result = failedInstead(result, { code: 'bad_output', message: messageOf(error), retryable: false })
        await this.#deps.spool.put(result)
        continue
      }
      if (error instanceof UploadImpossible) {
        result = failedInstead(result, { code: 'upload_failed', message: messageOf(error), retryable: true })
        await this.#deps.spool.put(result)
        continue
      }
      afterFirstTry()
      await pause(backoffMs(tries), signal)
    }
  }

  async #tryOnce(result: SpooledRun, signal: AbortSignal): Promise<{ next: Next; error?: unknown }> {
    try {
      const [logSize] = await Promise.all([
        this.#uploadLog(result, signal),
        this.#uploadOutputs(result, signal),
      ])
      const answer = await this.#deps.finish(result.run, finishReport(result, logSize), signal)
      return { next: afterAnswer(answer) }
    } catch (error) {
      return { next: afterFailure(error), error }
    }
  }

  async #uploadOutputs(result: SpooledRun, signal: AbortSignal): Promise<void> {
    const { logger } = this.#deps
    const onTrouble = (err: unknown) => logger.warn({ err, run: result.run }, 'an output is not uploaded yet')
    await upload(filesOf(result), { ask: this.#asker(result, signal), signal, onTrouble })
  }

  /** Best effort: a log that cannot be archived must not hold up a result. Answers the size that arrived. */
  async #uploadLog(result: SpooledRun, signal: AbortSignal): Promise<number | null> {
    if (!result.logFile) return null
    const onTrouble = (err: unknown) =>
      this.#deps.logger.warn({ err, run: result.run }, 'the log is not uploaded yet')
    try {
      const file = {
        ...(await measureFile(logOutput, 0, result.logFile)),
        contentType: 'application/x-ndjson',
      }
      await upload([file], { ask: this.#asker(result, signal), signal, rounds: 3, onTrouble })
      return file.size
    } catch (error) {
      onTrouble(error)
      return null
    }
  }

  #asker(result: SpooledRun, signal: AbortSignal) {
    return (files: OutputFile[]) => this.#deps.askForUrls(result.run, files, signal)
  }

  async #forget(run: RunId): Promise<void> {
    await this.#deps.spool.remove(run)
    await rm(join(this.#deps.runsDir, run), { recursive: true, force: true })
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
