import { performance } from 'node:perf_hooks'
import type { Deps } from './deps.ts'
import type { Metrics } from './metrics.ts'
import { tick } from './tick/tick.ts'

const everyMs = 1_000

/** Runs the tick every second, never two at once. `stop` waits for the one that is going. */
export function runTick(deps: Deps, metrics: Metrics): { stop(): Promise<void> } {
  const stopped = Promise.withResolvers<void>()
  let stopping = false
  const loop = async () => {
    while (!stopping) {
      const start = performance.now()
      await tick(deps)
      const ms = performance.now() - start
      metrics.ticked(ms / 1000)
      await pause(Math.max(50, everyMs - ms), stopped.promise)
    }
  }
  const ended = loop()
  return {
    async stop() {
      stopping = true
      stopped.resolve()
      await ended
    },
  }
}

async function pause(ms: number, stopped: Promise<void>): Promise<void> {
  const over = Promise.withResolvers<void>()
  const timer = setTimeout(over.resolve, ms)
  await Promise.race([over.promise, stopped])
  clearTimeout(timer)
}
