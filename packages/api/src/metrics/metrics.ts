import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type JanitorCounts, readCounts } from '../operations/bucket/janitor-counts.ts'
import { summary } from '../operations/summary.ts'
import type { MeterPorts } from '../process/meter.ts'
import { meterDatabase } from './database.ts'
import { installationGauges } from './installation.ts'
import { meterRuns } from './runs.ts'

export type Metrics = {
  contentType: string
  text(): Promise<string>
  request(labels: { method: string; route: string; status: number }, seconds: number): void
  ticked(seconds: number): void
  /** Seconds between the due time of a tick and its start. */
  tickBegan(lateSeconds: number): void
}

/** The figures of `/metrics`. Counts come from the database, so every replica shows the same. */
export function openMetrics(ports: MeterPorts): Metrics {
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
  meterDatabase(ports.store, registers)
  const agents = new Gauge({
    name: 'millrace_agents',
    help: 'Agents by state',
    labelNames: ['state'],
    registers,
  })
  const janitor = janitorCounters(registers)
  const tickLag = new Gauge({
    name: 'millrace_tick_lag_seconds',
    help: 'How late the last tick began',
    registers,
  })
  meterRuns(ports.meter, registers)
  const installation = installationGauges(ports, registers)
  return {
    contentType: registry.contentType,
    async text() {
      const counts = await summary(ports)
      for (const [status, count] of Object.entries(counts.tasks.byStatus)) tasks.set({ status }, count)
      agents.set({ state: 'online' }, counts.agents.online)
      agents.set({ state: 'offline' }, counts.agents.total - counts.agents.online)
      await installation.set(counts)
      janitor.set(await readCounts(ports))
      return registry.metrics()
    },
    request: (labels, seconds) => requests.observe(labels, seconds),
    tickBegan: (lateSeconds) => tickLag.set(lateSeconds),
    ticked(seconds) {
      ticks.inc()
      tickSeconds.set(seconds)
    },
  }
}

/** What the janitor found since the installation began: counted in the database, whichever process found it. */
function janitorCounters(registers: Registry[]) {
  const removed = new Counter({
    name: 'millrace_janitor_objects_removed_total',
    help: 'Objects removed because no item refers to them',
    registers,
  })
  const missing = new Counter({
    name: 'millrace_janitor_items_without_object_total',
    help: 'Items that failed because their object was not in the store',
    registers,
  })
  const aborted = new Counter({
    name: 'millrace_janitor_uploads_aborted_total',
    help: 'Multipart uploads aborted because no item continues them',
    registers,
  })
  return {
    set(counts: JanitorCounts) {
      for (const [counter, count] of [
        [removed, counts.objectsRemoved],
        [missing, counts.itemsWithoutObject],
        [aborted, counts.uploadsAborted],
      ] as const) {
        counter.reset()
        counter.inc(count)
      }
    },
  }
}
