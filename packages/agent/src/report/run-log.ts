import { setTimeout as delay } from 'node:timers/promises'
import type { LogBatch, LogStream, Progress } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import { LogBatches } from './log-batches.ts'
import { type KeptLog, LogFile, type LogLimits } from './log-file.ts'

const flushMs = 100
/** The pause between two full batches: a flood is sent live at 2.5 MiB a second at most; the excess is skipped. */
const paceMs = 25

export type RunLogOptions = {
  path: string
  /** Sends one batch to the live log; `false`: not now. Resolves when the next may follow. */
  publish(batch: LogBatch): Promise<boolean>
  /** Whether `publish` may succeed; until then lines wait. */
  isOpen(): boolean
  /** The time of a line; default: the clock of this machine. */
  now?(): Date
  logger: Logger
  limits?: LogLimits
}

/** The output of one run: numbered, sent live in batches, and stored completely on disk. */
export class RunLog {
  readonly #options: RunLogOptions
  readonly #file: LogFile
  readonly #batches = new LogBatches()
  #n = 0
  #timer: NodeJS.Timeout | null = null
  #sending: Promise<void> | null = null
  #isClosed = false

  constructor(options: RunLogOptions) {
    this.#options = options
    this.#file = new LogFile(options.path, options.limits)
  }

  add(stream: LogStream, line: string): void {
    this.#n += 1
    const numbered = { n: this.#n, at: (this.#options.now?.() ?? new Date()).toISOString(), stream, line }
    const bytes = Buffer.byteLength(line)
    this.#file.add(numbered, bytes)
    this.#batches.add(numbered, bytes)
    this.#soon()
  }

  progress(progress: Progress): void {
    this.#batches.progress(progress)
    this.#soon()
  }

  /** Writes and sends the rest; callers can await each separately. `sent` never rejects. */
  close(): { kept: Promise<KeptLog>; sent: Promise<void> } {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#isClosed = true
    const last = this.#sending ? this.#sending.then(() => this.#send()) : this.#send()
    return { kept: this.#file.close(), sent: last }
  }

  #soon(): void {
    if (this.#batches.isFull) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), flushMs)
  }

  #flush(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    // In a flood this runs for every line: a promise per line, waiting for one write, would be most of the agent's memory.
    if (this.#file.isBehind)
      this.#file
        .flush()
        .catch((err: unknown) => this.#options.logger.warn({ err }, 'the log file cannot be written'))
    if (!this.#sending && this.#options.isOpen()) void this.#send()
  }

  #send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null
    })
    return this.#sending
  }

  async #sendAll(): Promise<void> {
    while (this.#options.isOpen()) {
      const batch = this.#batches.take()
      if (!batch) return
      if (!(await this.#options.publish(batch))) return
      if (this.#batches.isFull && !this.#isClosed) await delay(paceMs)
    }
  }
}
