import type { Grant, HeartbeatRequest, Progress, RunId, RunVerdict } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import type { Reservation } from '../admission/reservation.ts'
import type { SpooledRun } from '../report/spool.ts'
import type { TaskRun, TaskToRun } from './run-task.ts'

export type RunsDeps = {
  /** Promises room to the task, and takes what is left of the promise back. */
  reservation(task: TaskToRun): Reservation
  leave(reservation: Reservation): void
  start(task: TaskToRun): TaskRun
  /** With the digest of what was run. */
  report(result: SpooledRun, digest: string): Promise<void>
  /** Runs whose results wait in the spool. */
  spooled(): RunId[]
  drop(run: RunId): Promise<void>
  /** A run made room. */
  onFree(): void
  logger: Logger
}

type Held = {
  running: TaskRun
  reservation: Reservation
  progress?: Progress
  ended: Promise<void>
  isSuperseded: boolean
}

/** The runs this process is at: from the moment of their grant until their result was answered or waits its turn. */
export class Runs {
  readonly #deps: RunsDeps
  readonly #held = new Map<RunId, Held>()
  readonly #drops = new Set<Promise<void>>()
  #isShuttingDown = false

  constructor(deps: RunsDeps) {
    this.#deps = deps
  }

  /** Takes up a granted task. The same grant again changes nothing. */
  take(task: TaskToRun): void {
    const { run } = task.grant
    if (this.#held.has(run)) return
    const reservation = this.#deps.reservation(task)
    const running = this.#deps.start({ ...task, reservation })
    const ended = this.#follow(task.grant, running, reservation)
    this.#held.set(run, { running, reservation, ended, isSuperseded: false })
    if (this.#isShuttingDown) running.stop('shutdown')
  }

  /** How many are under way here; those that only wait to be reported are not. */
  get count(): number {
    return this.#held.size
  }

  /** How many runs of a configured worker are under way here. */
  countOf = (worker: string): number =>
    [...this.#held.values()].filter(({ reservation }) => reservation.worker === worker).length

  ids(): RunId[] {
    return [...new Set([...this.#held.keys(), ...this.#deps.spooled()])]
  }

  progress(run: RunId, progress: Progress): void {
    const held = this.#held.get(run)
    if (held) held.progress = progress
  }

  forHeartbeat(): HeartbeatRequest['runs'] {
    return this.ids().map((runId) => ({ runId, progress: this.#held.get(runId)?.progress }))
  }

  /** Carries out what the API said about runs. */
  obey(verdicts: Record<string, RunVerdict>): void {
    for (const run of this.ids()) {
      const verdict = verdicts[run]
      if (verdict === 'cancel') this.cancel(run)
      if (verdict === 'stop') this.#supersede(run)
    }
  }

  cancel(run: RunId): void {
    this.#held.get(run)?.running.stop('cancelled')
  }

  /** Stops all runs, whose tasks go back to the queue. */
  handBack(): void {
    for (const { running } of this.#held.values()) running.stop('shutdown')
  }

  /** Resolves when none is under way any more. */
  async idle(): Promise<void> {
    while (this.#held.size > 0) await Promise.all([...this.#held.values()].map(({ ended }) => ended))
  }

  /** Ends all runs and waits until they are gone and their results are reported or at least in the spool. */
  async end(reason: 'shutdown' | 'superseded'): Promise<void> {
    this.#isShuttingDown = true
    for (const { running } of this.#held.values()) running.stop(reason)
    await this.idle()
    await Promise.all(this.#drops)
  }

  #supersede(run: RunId): void {
    const held = this.#held.get(run)
    if (!held?.isSuperseded) this.#deps.logger.warn({ run }, 'the run counts no more')
    if (held) {
      held.isSuperseded = true
      held.running.stop('superseded')
    }
    if (!this.#deps.spooled().includes(run)) return
    const dropping = this.#deps
      .drop(run)
      .catch((err: unknown) => this.#deps.logger.error({ err, run }, 'a result could not be dropped'))
      .finally(() => this.#drops.delete(dropping))
    this.#drops.add(dropping)
  }

  /** `requestId`: of the HTTP request that the task came with, so that it is found in these lines too. */
  async #follow({ run, module, task }: Grant, running: TaskRun, reservation: Reservation): Promise<void> {
    const { report } = this.#deps
    const logger = this.#deps.logger.child({ requestId: task?.requestId })
    try {
      const result = await running.ended
      logger.info({ run, outcome: result?.outcome ?? 'superseded', code: result?.error?.code }, 'a run ended')
      if (result) await report(result, module.digest)
    } catch (err) {
      // Its disk is full, say: unreported, the run is lost to the API at the next heartbeats, and tried again.
      logger.error({ err, run }, 'a run could not be kept')
    }
    this.#held.delete(run)
    this.#deps.leave(reservation)
    this.#deps.onFree()
  }
}
