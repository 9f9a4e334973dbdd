import type { Logger } from 'pino'
import type { Bus } from './bus/bus.ts'
import type { Failpoint } from './failpoints.ts'
import type { Objects } from './objects/objects.ts'
import type { Store } from './store/store.ts'

/** What an operation reaches outside itself. What it needs of its process's own memory, the owner of that adds. */
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
