import type { TaskId } from '@millrace/shared'
import type { Logger } from 'pino'
import type { Bus } from './bus/bus.ts'
import type { RefusedCallers } from './http/refused-callers.ts'
import type { Meter } from './metrics/meter.ts'
import type { Objects } from './objects/objects.ts'
import type { Shares } from './operations/queue/shares.ts'
import type { Resolve } from './operations/webhooks/addresses.ts'
import type { Failpoint } from './process/failpoints.ts'
import type { ObservedPeaks } from './process/observed-peaks.ts'
import type { Replicas } from './process/replicas.ts'
import type { TaskDoc } from './store/documents/task.ts'
import type { Store } from './store/store.ts'

/** Everything an operation may touch. */
export type Deps = {
  store: Store
  objects: Objects
  bus: Bus
  clock: { now(): Date }
  /** For long computations: `turns`, where time is real. */
  turns(): () => Promise<void> | undefined
  random(): number
  logger: Logger
  /** Called after each single write of an operation; a fault test ends the process here. */
  failpoint(point: Failpoint): void
  webhooks: { allowPrivate: boolean; resolve: Resolve }
  /** Memory of this process that may be lost at any time: hints, never the truth. */
  shares: Shares
  meter: Meter
  peaks: ObservedPeaks
  replicas: Replicas
  refused: RefusedCallers
  /** What is known of the object store so far: see `checkStore`. */
  storeSafety: { state: string }
  /** Tasks whose end is told at this very moment: who hears it in this process need not read them. */
  ending: Map<TaskId, TaskDoc>
  limits: {
    sessionTtlSeconds: number
    heartbeatSeconds: number
    longestWaitSeconds: number
    agentsPerKey: number
  }
  /** What agents are told about NATS: the public name and their own user. */
  agentNats: { servers: string[]; user?: string; password?: string }
}
