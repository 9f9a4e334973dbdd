import { Manifest, parseRunId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { SlotDoc } from '../../store/documents/queue.ts'
import type { QueueEntry, TaskDoc } from '../../store/documents/task.ts'
import { isOnline, pauseOf } from '../agents/presence.ts'
import { awaits } from '../modules/approval.ts'
import { globalSlot, keySlot, moduleSlot } from '../queue/slots.ts'

const runsLookedAt = 20
export const mostCounted = 1_000

/** What a connected agent offers for the task's module. */
export type AgentFact = {
  agentId: `agt_${string}`
  name: string
  isPaused: boolean
  capacity: number | null
  running: number
  has: 'no' | 'other version' | 'not available' | 'available'
  status: string | null
  gpus: { freeBytes: number | null }[]
}

export type Facts = {
  now: Date
  task: TaskDoc
  items: DataDoc[]
  upstreams: TaskDoc[]
  slots: { global: SlotDoc | null; module: SlotDoc | null; key: SlotDoc | null }
  agents: AgentFact[]
  module: { isDisabled: boolean; usesGpu: boolean; minVramBytes: number; errors: string[] }
  ahead: number
  /** Median seconds of past successful runs of the module. */
  usualSeconds: number | null
  /** Start times of the module's current runs. */
  runningSince: Date[]
}

/** Reads everything that explains why a task waits; bounded, whatever the length of the queue. */
export async function gatherFacts(ports: Ports, task: TaskDoc): Promise<Facts> {
  const now = ports.clock.now()
  const data = task.waitingFor.filter((id) => id.startsWith('dat_'))
  const [items, module, agents, slots, usualSeconds] = await Promise.all([
    ports.store.data.many(data),
    ports.store.modules.get(task.module),
    ports.store.agents.find({ sessionEndedAt: null }, { limit: 1_000 }),
    slotsOf(ports, task),
    usualSecondsOf(ports, task.module),
  ])
  const producers = items.flatMap((item) => item.producer?.taskId ?? [])
  const holders = slots.global?.holders ?? []
  const [upstreams, ahead, going] = await Promise.all([
    ports.store.tasks.many([
      ...new Set([...task.waitingFor.filter((id) => id.startsWith('tsk_')), ...producers]),
    ]),
    task.entry ? countAhead(ports, task, task.entry) : 0,
    ports.store.tasks.many(holders.slice(0, 200).map((holder) => parseRunId(holder.run).task)),
  ])
  const entries = module?.entries ?? []
  const manifest = entries.map(({ manifest }) => parsed(manifest)).find((one) => one !== null)
  return {
    now,
    task,
    items,
    upstreams,
    slots,
    agents: agents
      .filter((agent) => isOnline(agent, now))
      .map((agent): AgentFact => {
        const own = agent.modules.filter((one) => one.name === task.module)
        const fitting = own.filter((one) => task.version === null || one.version === task.version)
        const available = fitting.some((one) => one.status === 'AVAILABLE')
        return {
          agentId: agent._id,
          name: agent.name,
          isPaused: pauseOf(agent, now) !== null,
          capacity: agent.capacity,
          running: holders.filter((holder) => holder.agent === agent._id).length,
          has: available
            ? 'available'
            : fitting.length > 0
              ? 'not available'
              : own.length > 0
                ? 'other version'
                : 'no',
          status: fitting[0]?.status ?? null,
          gpus: agent.gpus.map((gpu) => ({
            freeBytes:
              gpu.memoryUsed === null || gpu.memoryTotal === 0 ? null : gpu.memoryTotal - gpu.memoryUsed,
          })),
        }
      }),
    module: {
      isDisabled: module?.disabled ?? false,
      usesGpu: manifest?.resources.usesGpu ?? false,
      minVramBytes: manifest?.resources.minVramBytes ?? 0,
      errors: [
        ...new Set(entries.flatMap((one) => one.error ?? [])),
        ...(module?.awaiting ?? []).slice(0, 1).map(({ version }) => awaits(task.module, version)),
      ].slice(0, 3),
    },
    ahead,
    usualSeconds,
    runningSince: going
      .filter((one) => one.status === 'running' && one.module === task.module)
      .flatMap((one) => one.startedAt ?? []),
  }
}

const parsed = (json: string | null): Manifest | null =>
  json === null ? null : (Manifest.safeParse(JSON.parse(json)).data ?? null)

async function slotsOf(ports: Ports, task: TaskDoc): Promise<Facts['slots']> {
  const key = task.concurrencyKey === null ? null : keySlot(task.concurrencyKey)
  const found = await ports.store.slots.many([globalSlot, moduleSlot(task.module), ...(key ? [key] : [])])
  const of = (name: string | null) => found.find((slot) => slot._id === name) ?? null
  return { global: of(globalSlot), module: of(moduleSlot(task.module)), key: of(key) }
}

const countAhead = (ports: Ports, { module }: TaskDoc, { rank }: QueueEntry): Promise<number> =>
  ports.store.queue.count({ 'entry.state': 'open', module, 'entry.rank': { $lt: rank } }, mostCounted)

async function usualSecondsOf(ports: Ports, module: string): Promise<number | null> {
  const runs = await ports.store.runs.find(
    { module, status: 'succeeded' },
    { sort: { task: -1, attempt: -1 }, limit: runsLookedAt },
  )
  const seconds = runs
    .flatMap(({ startedAt, endedAt, finishedAt }) => {
      const end = endedAt ?? finishedAt
      return startedAt && end ? (end.getTime() - startedAt.getTime()) / 1000 : []
    })
    .sort((a, b) => a - b)
  return seconds[Math.floor(seconds.length / 2)] ?? null
}
