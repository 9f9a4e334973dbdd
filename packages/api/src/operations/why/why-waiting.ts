import type { Waiting } from '@millrace/shared'
import type { SlotDoc } from '../../store/documents/queue.ts'
import { type AgentFact, type Facts, mostCounted } from './facts.ts'

/** Every reason that applies now, in the order in which they must be resolved. */
export function whyWaiting(facts: Facts): Waiting[] {
  if (facts.task.status === 'blocked') return upstreams(facts)
  if (facts.task.status !== 'queued') return []
  return [
    ...time(facts),
    ...limit(facts, 'concurrency_limit', facts.slots.key, `the key "${facts.task.concurrencyKey}"`),
    ...limit(facts, 'module_limit', facts.slots.module, `module ${facts.task.module}`),
    ...limit(facts, 'global_limit', facts.slots.global, 'the installation'),
    ...agents(facts),
    ...others(facts),
  ]
}

function upstreams({ task, items, upstreams }: Facts): Waiting[] {
  return task.waitingFor.map((id): Waiting => {
    const item = items.find(({ _id }) => _id === id)
    const upstream = upstreams.find(({ _id }) => _id === (item?.producer?.taskId ?? id))
    const of = upstream && `task ${upstream._id} (${upstream.label}), which is ${upstream.status}`
    const detail = item
      ? upstream
        ? `It reads output "${item.producer?.output}" of ${of}.`
        : `It reads ${item._id} (${item.label}), which is ${item.status}.`
      : `It comes after ${of ?? id}.`
    return {
      reason: 'upstream',
      detail,
      ...(item ? { dataId: item._id } : {}),
      ...(upstream ? { taskId: upstream._id } : {}),
      status: upstream?.status ?? item?.status ?? 'unknown',
    }
  })
}

function time({ task, now }: Facts): Waiting[] {
  const until = task.entry?.state === 'parked' ? task.entry.until : null
  if (!until || until <= now) return []
  const inSeconds = seconds((until.getTime() - now.getTime()) / 1000)
  const isAgain = task.failures + task.losses > 0
  return [
    {
      reason: isAgain ? 'retry_backoff' : 'not_before',
      detail: isAgain
        ? `Attempt ${task.attempt} begins in ${inSeconds}; ${task.failures} of ${task.maxAttempts} attempts have failed.`
        : `It is not to begin before ${until.toISOString()}, in ${inSeconds}.`,
      until: until.toISOString(),
    },
  ]
}

function limit(facts: Facts, reason: Waiting['reason'], slot: SlotDoc | null, whose: string): Waiting[] {
  if (!slot || slot.holders.length < slot.limit) return []
  const expected = expectedSeconds(facts)
  return [
    {
      reason,
      detail: sentence(
        `${slot.holders.length} of ${slot.limit} tasks that ${whose} may run at once are running`,
        facts,
      ),
      limit: slot.limit,
      running: slot.holders.slice(0, 20).map(({ run }) => run),
      ...(reason === 'concurrency_limit' ? { key: facts.task.concurrencyKey ?? '' } : {}),
      expectedSeconds: slot.limit === 0 ? null : expected,
    },
  ]
}

/** Which machines could run it, and what prevents each. */
function agents(facts: Facts): Waiting[] {
  const { task, module } = facts
  if (module.isDisabled)
    return [
      { reason: 'module_unavailable', detail: `Module ${task.module} is switched off.`, status: 'DISABLED' },
    ]
  const having = facts.agents.filter(({ has }) => has !== 'no')
  if (having.length === 0)
    return [
      {
        reason: 'no_agent',
        detail: `No agent that is connected has the module ${task.module}; ${facts.agents.length} are connected.`,
      },
    ]
  const able = having.filter(({ has }) => has === 'available')
  if (able.length === 0) return [unavailable(facts, having)]
  const awake = able.filter(({ isPaused }) => !isPaused)
  if (awake.length === 0)
    return [
      { reason: 'paused', detail: `${names(able)} could run it and is paused.`, agents: able.map(shown) },
    ]
  return [...gpu(facts, awake), ...full(facts, awake)]
}

function unavailable({ task, module }: Facts, having: readonly AgentFact[]): Waiting {
  const version = task.version ? `${task.module} ${task.version}` : task.module
  const [first] = having
  const how =
    first?.has === 'other version'
      ? `no connected agent has version ${task.version}`
      : having.map(({ name, status }) => `${status} on ${name}`).join(', ')
  const why = module.errors.length > 0 ? ` ${module.errors.join(' ')}` : ''
  return {
    reason: 'module_unavailable',
    detail: `Module ${version} cannot be run: ${how}.${why}`.slice(0, 2_000),
    status: first?.status ?? 'unknown',
    agents: having.map(shown),
  }
}

function gpu({ task, module }: Facts, awake: readonly AgentFact[]): Waiting[] {
  if (!module.usesGpu) return []
  const withGpu = awake.filter(({ gpus }) => gpus.length > 0)
  if (withGpu.length === 0)
    return [
      {
        reason: 'no_gpu',
        detail: `Module ${task.module} needs a GPU, and ${names(awake)} has none.`,
        agents: awake.map(shown),
      },
    ]
  const fits = withGpu.some(({ gpus }) =>
    gpus.some(({ freeBytes }) => freeBytes === null || freeBytes >= module.minVramBytes),
  )
  if (fits) return []
  const most = Math.max(...withGpu.flatMap(({ gpus }) => gpus.map(({ freeBytes }) => freeBytes ?? 0)))
  return [
    {
      reason: 'gpu_memory',
      detail: `Module ${task.module} needs ${mebibytes(module.minVramBytes)} of GPU memory; at most ${mebibytes(most)} are free on ${names(withGpu)}.`,
      agents: withGpu.map(shown),
    },
  ]
}

function full(facts: Facts, awake: readonly AgentFact[]): Waiting[] {
  const isFull = awake.every(({ capacity, running }) => capacity !== null && running >= capacity)
  if (!isFull) return []
  const busy = awake.map(
    ({ name, running, capacity }) => `${running} of ${capacity} runs are busy on ${name}`,
  )
  return [
    {
      reason: 'agent_full',
      detail: sentence(busy.slice(0, 5).join(', '), facts),
      agents: awake.slice(0, 20).map(shown),
      ahead: facts.ahead,
      expectedSeconds: expectedSeconds(facts),
    },
  ]
}

function others(facts: Facts): Waiting[] {
  if (facts.ahead === 0 || facts.task.entry?.state !== 'open') return []
  return [
    {
      reason: 'behind_others',
      detail: `${aheadOf(facts)}; the next run of ${facts.task.module} usually takes ${facts.usualSeconds === null ? 'a time that is not known yet' : seconds(facts.usualSeconds)}.`,
      ahead: facts.ahead,
      expectedSeconds: expectedSeconds(facts),
    },
  ]
}

/** "…; 12 tasks are ahead; the first is expected to end in about 40 s." */
function sentence(what: string, facts: Facts): string {
  const expected = expectedSeconds(facts)
  const parts = [what]
  if (facts.ahead > 0) parts.push(aheadOf(facts))
  if (expected !== null) parts.push(`the first is expected to end in about ${seconds(expected)}`)
  return `${parts.join('; ')}.`
}

const aheadOf = ({ ahead }: Facts): string =>
  ahead >= mostCounted
    ? `more than ${mostCounted} tasks are ahead`
    : ahead === 1
      ? '1 task is ahead'
      : `${ahead} tasks are ahead`

/** Seconds until the first current run of the module is expected to end. */
function expectedSeconds({ usualSeconds, runningSince, now }: Facts): number | null {
  if (usualSeconds === null || runningSince.length === 0) return null
  const left = runningSince.map((since) => usualSeconds - (now.getTime() - since.getTime()) / 1000)
  return Math.max(0, Math.round(Math.min(...left) * 10) / 10)
}

const shown = ({ agentId, name, running, capacity }: AgentFact) => ({ agentId, name, running, capacity })
const names = (some: readonly AgentFact[]): string =>
  some
    .slice(0, 5)
    .map(({ name }) => name)
    .join(', ')
/** For people: `4.2 s`, `90 s`, `12 min`, `5 h`, `3 days`. */
function seconds(value: number): string {
  if (value < 10) return `${Math.round(value * 10) / 10} s`
  if (value < 120) return `${Math.round(value)} s`
  if (value < 7_200) return `${Math.round(value / 60)} min`
  return value < 172_800 ? `${Math.round(value / 3_600)} h` : `${Math.round(value / 86_400)} days`
}
const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`
