import type { Ports } from '../ports.ts'

export type MeterPorts = Ports & { meter: Meter }

/** Operations report figures of this process here; only the metrics subscribe. */
export class Meter {
  /** A run ended, `seconds` after its claim. */
  runEnded: (run: { module: string; status: string }, seconds: number) => void = () => undefined
  /** A task was claimed, `seconds` after it was ready. */
  claimed: (seconds: number) => void = () => undefined
  /** A job of the tick ended or failed. */
  jobDone: (job: string, seconds: number, hasFailed: boolean) => void = () => undefined
}
