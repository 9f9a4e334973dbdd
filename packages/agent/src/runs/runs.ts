import type { Grant, HeartbeatRequest, Progress, RunId, RunVerdict } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import type { Reservation } from '../admission/reservation.ts'
import { Stop } from '../process/stop/stop.ts'
import type { AgentSignals, Assignment } from '../signals/agent-signals.ts'
import type { HeldRuns } from './held-runs.ts'

export type RunsDeps = {
  held: HeldRuns
  /** Runs whose results are not yet acknowledged. */
  unreported: ReadonlySet<RunId>
  /** Reserves room for a run. */
  reserve(grant: Grant): Reservation
  /** Executes and reports it; never rejects. */
  run(assigned: Assignment & { reservation: Reservation }, stop: Stop): Promise<void>
  /** Drops a result that waits for its report. */
  drop(run: RunId): Promise<void>
  signals: Pick<AgentSignals, 'assigned' | 'registered' | 'runEnded'>
  logger: Logger
}

/** Holds each run from its assignment until its result is acknowledged or waits in the spool. */
export class Runs {
  readonly #deps: RunsDeps
  readonly #drops = new Set<Promise<void>>()
  #isShuttingDown = false

  constructor(deps: RunsDeps) {
    this.#deps = deps
    deps.signals.assigned.subscribe('runs', (task) => this.#take(task))
    deps.signals.registered.subscribe('runs', ({ runs }) => this.obey(runs))
  }

  get #held(): HeldRuns {
    return this.#deps.held
  }

  /** Begins a run. The same one again changes nothing. */
  #take(assignment: Assignment): void {
    const { run } = assignment.grant
    if (this.#held.has(run)) return
    const stop = new Stop()
    const reservation = this.#deps.reserve(assignment.grant)
    const ended = this.#deps.run({ ...assignment, reservation }, stop).then(() => {
      this.#held.delete(run)
      this.#deps.signals.runEnded.emit()
    })
    this.#held.set(run, { stop, reservation, ended })
    if (this.#isShuttingDown) stop.request('shutdown')
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

  /** Obeys the API's verdicts about runs. */
  obey(verdicts: Record<string, RunVerdict>): void {
    for (const run of this.ids()) {
      const verdict = verdicts[run]
      if (verdict === 'cancel') this.cancel(run)
      if (verdict === 'stop') this.#supersede(run)
    }
  }

  cancel(run: RunId): void {
    this.#held.get(run)?.stop.request('cancelled')
  }

  /** Stops all runs and hands them back. */
  handBack(): void {
    for (const { stop } of this.#held.values()) stop.request('shutdown')
  }

  /** Resolves when no run is left. */
  async idle(): Promise<void> {
    while (this.#held.size > 0) await Promise.all([...this.#held.values()].map(({ ended }) => ended))
  }

  /** Ends all runs and waits until their results are reported, or at least in the spool. */
  async end(reason: 'shutdown' | 'superseded'): Promise<void> {
    this.#isShuttingDown = true
    for (const { stop } of this.#held.values()) stop.request(reason)
    await this.idle()
    await Promise.all(this.#drops)
  }

  #supersede(run: RunId): void {
    const held = this.#held.get(run)
    if (held?.stop.reason === null) this.#deps.logger.warn({ run }, 'run superseded; discarding its result')
    held?.stop.request('superseded')
    if (!this.#deps.unreported.has(run)) return
    const dropping = this.#deps
      .drop(run)
      .catch((err: unknown) => this.#deps.logger.error({ err, run }, 'dropping a result failed'))
      .finally(() => this.#drops.delete(dropping))
    this.#drops.add(dropping)
  }
}
