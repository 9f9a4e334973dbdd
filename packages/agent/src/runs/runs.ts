import type { Grant, HeartbeatRequest, Progress, RunId, RunVerdict } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import type { Reservation } from '../admission/reservation.ts'
import type { SpooledRun } from '../report/spool.ts'
import type { AgentSignals, Assignment } from '../signals/agent-signals.ts'
import type { HeldRuns } from './held-runs.ts'
import type { TaskRun, TaskToRun } from './run-task.ts'

export type RunsDeps = {
  held: HeldRuns
  /** Runs whose results were not answered yet. */
  unreported: ReadonlySet<RunId>
  /** Promises room to the task, and takes what is left of the promise back. */
  reserve(grant: Grant): Reservation
  release(reservation: Reservation): void
  start(task: TaskToRun): TaskRun
  /** With the digest of what was run. */
  report(result: SpooledRun, digest: string): Promise<void>
  /** Forgets a result that waits to be reported. */
  drop(run: RunId): Promise<void>
  signals: Pick<AgentSignals, 'assigned' | 'registered' | 'runEnded'>
  logger: Logger
}

/** Holds each run from its assignment until its result was answered or waits its turn. */
export class Runs {
  readonly #deps: RunsDeps
  readonly #drops = new Set<Promise<void>>()
  #isShuttingDown = false

  constructor(deps: RunsDeps) {
    this.#deps = deps
    deps.signals.assigned.subscribe('runs', (task) => this.#take(task))
    deps.signals.registered.subscribe('runs', ({ runs }) => this.obey(runs))
  }

  /** Takes up a run. The same one again changes nothing. */
  #take(task: Assignment): void {
    const { run } = task.grant
    if (this.#held.has(run)) return
    const reservation = this.#deps.reserve(task.grant)
    const running = this.#deps.start({ ...task, reservation })
    const ended = this.#follow(task.grant, running, reservation)
    this.#held.set(run, { running, reservation, ended, isSuperseded: false })
    if (this.#isShuttingDown) running.stop('shutdown')
  }

  get #held(): HeldRuns {
    return this.#deps.held
  }

  ids(): RunId[] {
    return [...new Set([...this.#held.keys(), ...this.#deps.unreported])]
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
    if (!this.#deps.unreported.has(run)) return
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
    this.#deps.release(reservation)
    this.#deps.signals.runEnded.emit()
  }
}
