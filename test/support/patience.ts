import { vi } from 'vitest'
import { slowness } from './slowness.ts'

type Waiting = Parameters<typeof vi.waitUntil>[1]

/** A set-up file of every test file: waits of vitest are as patient as its time limits. */
const { waitUntil, waitFor, setConfig } = vi
const usualMs = 1000
function patient(waiting: Waiting): Waiting {
  if (typeof waiting === 'number') return waiting * slowness
  return { ...waiting, timeout: (waiting?.timeout ?? usualMs) * slowness }
}
vi.waitUntil = (callback, waiting) => waitUntil(callback, patient(waiting))
vi.waitFor = (callback, waiting) => waitFor(callback, patient(waiting))
vi.setConfig = ({ testTimeout, hookTimeout, ...others }) =>
  setConfig({
    ...others,
    ...(testTimeout && { testTimeout: testTimeout * slowness }),
    ...(hookTimeout && { hookTimeout: hookTimeout * slowness }),
  })
