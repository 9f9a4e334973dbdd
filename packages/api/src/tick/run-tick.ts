import { performance } from 'node:perf_hooks'
import { sleep } from '@millrace/std/time'
import type { ApiPorts } from '../api-ports.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { tick } from './tick.ts'

const everyMs = 1_000

/** Runs the tick every second, never two at once. `stop` waits for the running job. */
export function runTick(ports: ApiPorts, metrics: Metrics): { stop(): Promise<void> } {
  const life = new AbortController()
  const { signal } = life
  const loop = async () => {
    let due = performance.now()
    while (!signal.aborted) {
      const start = performance.now()
      metrics.tickBegan(Math.max(0, start - due) / 1000)
      await tick(ports, signal)
      const ms = performance.now() - start
      metrics.ticked(ms / 1000)
      due = start + Math.max(everyMs, ms + 50)
      await sleep(Math.max(50, everyMs - ms), signal)
    }
  }
  const ended = loop()
  return {
    async stop() {
      life.abort()
      await ended
    },
  }
}
