import type { InstallLogRequest, LogLine } from '@millrace/shared/for-agents'
import { backoffMs, sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import { isRefused } from '../http/failures.ts'

export type InstallLogDeps = {
  send(module: string, body: Omit<InstallLogRequest, 'sessionId'>, signal: AbortSignal): Promise<unknown>
  logger: Logger
  signal: AbortSignal
}

const quietMs = 50
const linesPerCall = 2000
const triesPerCall = 5

/** Sends install lines to the API, in order, in batches; skips a batch after some attempts. */
export class InstallLogs {
  readonly #deps: InstallLogDeps
  readonly #waiting: { module: string; digest: string; lines: LogLine[] }[] = []
  #sending: Promise<void> | null = null

  constructor(deps: InstallLogDeps) {
    this.#deps = deps
  }

  add(module: string, digest: string, lines: LogLine[]): void {
    const last = this.#waiting.at(-1)
    if (last?.module === module && last.digest === digest && last.lines.length + lines.length <= linesPerCall)
      last.lines.push(...lines)
    else
      for (let at = 0; at < lines.length; at += linesPerCall)
        this.#waiting.push({ module, digest, lines: lines.slice(at, at + linesPerCall) })
    this.#start()
  }

  async close(): Promise<void> {
    await this.#sending
  }

  #start(): void {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null
      if (this.#waiting.length > 0 && !this.#deps.signal.aborted) this.#start()
    })
  }

  async #send(): Promise<void> {
    await sleep(quietMs, this.#deps.signal)
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) await this.#sendBatch(next)
  }

  async #sendBatch(batch: { module: string; digest: string; lines: LogLine[] }): Promise<void> {
    const { signal, logger, send } = this.#deps
    for (let tries = 1; tries <= triesPerCall && !signal.aborted; tries++) {
      try {
        await send(batch.module, { digest: batch.digest, lines: batch.lines }, signal)
        return
      } catch (err) {
        if (signal.aborted) return
        if (isRefused(err, 'forbidden')) {
          logger.warn({ err, module: batch.module }, 'the API rejected install lines; skipping them')
          return
        }
        logger.warn({ err, module: batch.module, tries }, 'sending install lines failed; retrying')
        await sleep(backoffMs(tries), signal)
      }
    }
  }
}
