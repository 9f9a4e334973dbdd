import { spawnSync } from 'node:child_process'

/** By what the time limits of tests are multiplied; the configuration of vitest sets it. */
export const slowness = Number(process.env.MILLRACE_SLOWNESS ?? 1)

/** What the probe takes on two idle cores of the machine that the limits were set on. */
const usualMs = 60
const probe = `
const { createHash } = require('node:crypto')
const block = Buffer.alloc(1 << 20)
for (let n = 0; n < 40; n++) createHash('sha256').update(block).digest()
`

/**
 * How much slower than usual this machine starts a process and computes right now: the time limits of tests are
 * multiplied by it. At least 2, because others may begin to use the machine during the run; at most 10, because a
 * test that hangs has to end.
 */
export function measureSlowness(): number {
  const times = [1, 2, 3, 4, 5].map(() => {
    const began = performance.now()
    spawnSync(process.execPath, ['-e', probe])
    return performance.now() - began
  })
  const median = times.sort((a, b) => a - b)[2] ?? usualMs
  return Math.min(10, Math.max(2, median / usualMs))
}
