import type { Ports } from '../ports.ts'

export type MeterPorts = Ports & { meter: Meter }

/** Where operations report figures of this process; the metrics subscribe, and nothing else has to. */
export class Meter {
  /** A run ended, `seconds` after its claim. */
  runEnded: (run: { module: string; status: string }, seconds: number) => void = () => undefined
  /** A task was claimed, `seconds` after it was ready. */
  claimed: (seconds: number) => void = () => undefined
  /** A job of the tick is done, or failed. */
  jobDone: (job: string, seconds: number, hasFailed: boolean) => void = () => undefined
}
