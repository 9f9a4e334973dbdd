import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Deps } from './deps.ts'
import { summary } from './operations/summary.ts'

export type Metrics = {
  contentType: string
  text(): Promise<string>
  request(labels: { method: string; route: string; status: number }, seconds: number): void
  ticked(seconds: number): void
}

/** What a person would plot. Counts come from the database, so every replica says the same. */
export function openMetrics(deps: Deps): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const requests = new Histogram({
    name: 'millrace_http_request_seconds',
    help: 'Time to answer a request',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
    registers,
  })
  const ticks = new Counter({ name: 'millrace_ticks_total', help: 'Ticks that this process ran', registers })
  const tickSeconds = new Gauge({ name: 'millrace_tick_seconds', help: 'Length of the last tick', registers })
  const tasks = new Gauge({
    name: 'millrace_tasks',
    help: 'Tasks by status',
    labelNames: ['status'],
    registers,
  })
  new Counter({
    name: 'millrace_database_writes_total',
    help: 'Documents that this process wrote',
    registers,
    collect() {
      this.reset()
      this.inc(deps.store.writes())
    },
  })
  const agents = new Gauge({
    name: 'millrace_agents',
    help: 'Agents by state',
    labelNames: ['state'],
    registers,
  })
  return {
    contentType: registry.contentType,
    async text() {
      const counts = await summary(deps)
      for (const [status, count] of Object.entries(counts.tasks.byStatus)) tasks.set({ status }, count)
      agents.set({ state: 'online' }, counts.agents.online)
      agents.set({ state: 'offline' }, counts.agents.total - counts.agents.online)
      return registry.metrics()
    },
    request: (labels, seconds) => requests.observe(labels, seconds),
    ticked(seconds) {
      ticks.inc()
      tickSeconds.set(seconds)
    },
  }
}
