import type { Progress, RunId } from '@millrace/shared/for-agents'
import type { Reservation } from '../admission/reservation.ts'
import type { Stop } from '../process/stop/stop.ts'

export type HeldRun = {
  stop: Stop
  reservation: Reservation
  progress?: Progress
  ended: Promise<void>
}

/** The current runs of this process, without those that only wait for their report. */
export class HeldRuns extends Map<RunId, HeldRun> {
  /** The number of them that belong to a configured worker. */
  countOf(worker: string): number {
    return [...this.values()].filter(({ reservation }) => reservation.worker === worker).length
  }
}
