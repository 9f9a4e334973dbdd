import type { Logger } from 'pino'
import type { Bus } from './bus/bus.ts'
import type { Failpoint } from './failpoints.ts'
import type { Objects } from './objects/objects.ts'
import type { Store } from './store/store.ts'

/** The servers and functions that operations use. Owners of in-process memory extend it. */
export type Ports = {
  store: Store
  objects: Objects
  bus: Bus
  clock: { now(): Date }
  random(): number
  logger: Logger
  /** Called after each single write of an operation; a fault test ends the process here. */
  failpoint(name: Failpoint): void
}
