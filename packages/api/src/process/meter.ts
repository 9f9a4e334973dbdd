import type { Ports } from '../ports.ts'

export type MeterPorts = Ports & { meter: Meter }

/** What operations have to tell whoever keeps figures of this process; nobody has to listen. */
export class Meter {
  /** A run has ended, after so many seconds from its claim. */
  runEnded: (run: { module: string; status: string }, seconds: number) => void = () => undefined
  /** A task was claimed, so many seconds after it was ready. */
  claimed: (seconds: number) => void = () => undefined
  /** A job of the tick is done, or failed. */
  jobDone: (job: string, seconds: number, hasFailed: boolean) => void = () => undefined
}
