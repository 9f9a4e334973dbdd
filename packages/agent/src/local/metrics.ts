import type { Gpu } from '@millrace/shared/for-agents'

export type Facts = {
  runs: number
  maxRuns: number
  spooled: number
  warm: Record<string, number>
  gpus: Gpu[]
  isResting: boolean
  isConnected: boolean
}

/** The agent's metrics for Prometheus. */
export async function metricsOf(facts: Facts): Promise<string> {
  // Loaded at the first request, since most agents never get one.
  const { Gauge, Registry, collectDefaultMetrics } = await import('prom-client')
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'millrace_agent_' })
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `millrace_agent_${name}`, help, labelNames, registers: [registry] })
  gauge('runs', 'Runs under way.').set(facts.runs)
  gauge('runs_max', 'Runs that may be under way at once.').set(facts.maxRuns)
  gauge('spooled_results', 'Results that wait to be reported.').set(facts.spooled)
  gauge('resting', '1 while no new work is taken.').set(Number(facts.isResting))
  gauge('connected', '1 while this agent has a session at the API.').set(Number(facts.isConnected))
  const warm = gauge('warm_processes', 'Loaded processes.', ['module'])
  for (const [module, count] of Object.entries(facts.warm)) warm.set({ module }, count)
  const used = gauge('gpu_used_bytes', 'Memory in use on a GPU.', ['gpu'])
  const foreign = gauge('gpu_foreign_bytes', 'Of that, what other programs use.', ['gpu'])
  const total = gauge('gpu_total_bytes', 'Memory of a GPU.', ['gpu'])
  for (const { uuid, memoryUsed, memoryTotal, foreignBytes } of facts.gpus) {
    if (memoryUsed !== null) used.set({ gpu: uuid }, memoryUsed)
    foreign.set({ gpu: uuid }, foreignBytes ?? 0)
    total.set({ gpu: uuid }, memoryTotal)
  }
  return registry.metrics()
}
