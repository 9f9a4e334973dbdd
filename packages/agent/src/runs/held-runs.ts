import type { Progress, RunId } from '@millrace/shared/for-agents'
import type { Reservation } from '../admission/reservation.ts'
import type { Stop } from '../process/stop/stop.ts'

export type HeldRun = {
  stop: Stop
  reservation: Reservation
  progress?: Progress
  ended: Promise<void>
}

/** The runs under way in this process; those that only wait to be reported are not among them. */
export class HeldRuns extends Map<RunId, HeldRun> {
  /** How many of them belong to a configured worker. */
  countOf(worker: string): number {
    return [...this.values()].filter(({ reservation }) => reservation.worker === worker).length
  }
}
