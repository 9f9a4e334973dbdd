import type { Summary } from '@millrace/shared'
import { Gauge, type Registry } from 'prom-client'
import { isOnline } from '../operations/agents/presence.ts'
import type { Ports } from '../ports.ts'

/** Figures of the whole installation, from the database: the same on every replica. */
export function installationGauges(ports: Ports, registers: Registry[]) {
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `millrace_${name}`, help, labelNames, registers })
  const modules = gauge('module_tasks', 'Tasks by module and group', ['module', 'group'])
  const oldest = gauge('queue_oldest_seconds', 'Age of the oldest ready task')
  const deliveries = gauge('webhook_deliveries_due', 'Webhook deliveries that are due or wait for a retry')
  const gpu = {
    used: gauge('gpu_memory_used_bytes', 'As the agent last reported', ['agent', 'gpu']),
    total: gauge('gpu_memory_total_bytes', 'As the agent last reported', ['agent', 'gpu']),
    load: gauge('gpu_utilization_percent', 'As the agent last reported', ['agent', 'gpu']),
  }
  const running = gauge('agent_runs', 'Runs that an agent holds', ['agent'])
  const capacity = gauge('agent_capacity', 'Most runs that an agent executes at once', ['agent'])

  return {
    async set(summary: Summary): Promise<void> {
      const now = ports.clock.now()
      const [[first], agents, due] = await Promise.all([
        ports.store.queue.find({ 'entry.state': 'open' }, { sort: { queuedAt: 1 }, limit: 1 }),
        ports.store.agents.find({ sessionEndedAt: null }, { limit: 1_000 }),
        ports.store.deliveries.count({ state: 'due' }, 10_000),
      ])
      for (const one of [modules, gpu.used, gpu.total, gpu.load, running, capacity]) one.reset()
      for (const [module, groups] of Object.entries(summary.perModule))
        for (const [group, count] of Object.entries(groups)) modules.set({ module, group }, count)
      oldest.set(first ? (now.getTime() - first.queuedAt.getTime()) / 1000 : 0)
      deliveries.set(due)
      for (const agent of agents.filter((one) => isOnline(one, now))) {
        const name = { agent: agent.name }
        running.set(name, agent.runs.length)
        if (agent.capacity !== null) capacity.set(name, agent.capacity)
        for (const { uuid, memoryUsed, memoryTotal, utilization } of agent.gpus) {
          const labels = { ...name, gpu: uuid }
          if (memoryUsed !== null) gpu.used.set(labels, memoryUsed)
          if (memoryTotal > 0) gpu.total.set(labels, memoryTotal)
          if (utilization !== null) gpu.load.set(labels, utilization)
        }
      }
    },
  }
}
