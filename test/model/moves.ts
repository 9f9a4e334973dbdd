import {
  cancel,
  claim,
  finish,
  heartbeat,
  newItem,
  retry,
  settleData,
  startBulkJob,
  submit,
  submitBatch,
  type TaskDoc,
  tick,
} from '@millrace/api/life'
import {
  CreateBatch,
  CreateTask,
  type DataId,
  FinishRequest,
  isTerminal,
  type RunId,
  TaskFilter,
  TaskId,
} from '@millrace/shared'
import type { Agent, Report, World } from './world.ts'

export type Move = { name: string; weight: number; make(world: World): Promise<void> }

/** Sends a request, and again to a living process if the one that had it died: with the same ids. */
async function request(
  world: World,
  what: string,
  send: (deps: Parameters<Parameters<World['launch']>[2]>[0], repeated: boolean) => Promise<void>,
): Promise<void> {
  for (let tries = 0; tries < 4; tries += 1) {
    const at = world.random.between(0, world.processes.length - 1)
    world.note(`${what}${tries > 0 ? ', again' : ''} at ${at}`)
    if ((await world.launch(at, what, (deps) => send(deps, tries > 0))) === 'done') return
    if (world.random.chance(0.2)) return // the caller gave up
  }
}

export const tasksOf = (world: World): TaskId[] =>
  [...world.mirror.tasks.keys()].map((id) => TaskId.parse(id))

/** Inputs and upstreams among what exists, so that graphs arise; `needs` is always one of them. */
function anyTask(world: World, { refs = [], needs }: { refs?: readonly string[]; needs?: TaskId } = {}) {
  const { random } = world
  const upstreams = needs ? [needs] : [...tasksOf(world), ...refs]
  const text =
    random.chance(needs ? 0.5 : 0.3) && upstreams.length > 0
      ? { task: random.pick(upstreams), output: 'said' }
      : random.chance(0.15) && world.uploads.length > 0
        ? { data: random.pick(world.uploads) }
        : 'x'
  const isNeeded = needs !== undefined && typeof text === 'object' && 'task' in text
  return {
    module: random.pick(['free', 'limited']),
    inputs: { text },
    after:
      needs && !isNeeded
        ? [needs]
        : random.chance(0.25)
          ? [...new Set(random.some(upstreams, 0.4))].slice(0, 3)
          : [],
    onUpstreamFailure: random.pick(['skip', 'skip', 'fail', 'run']),
    maxAttempts: world.isFlaky ? random.between(4, 10) : random.between(1, 3),
    backoff: { initialSeconds: 1, factor: 2, maxSeconds: 4 },
    priority: random.pick(['high', 'normal', 'low']),
    ...(random.chance(0.2) ? { concurrencyKey: 'k', concurrencyLimit: 1 } : {}),
    ...(random.chance(0.1) ? { notBefore: new Date(world.now().getTime() + 5_000).toISOString() } : {}),
  }
}

export function submitOne(world: World, needs?: TaskId): Promise<void> {
  const wanted = CreateTask.parse(anyTask(world, { needs }))
  const ids = seeded(world)
  return request(world, 'submit', async (deps, repeated) => {
    const task = await submit(deps, callerOf(ids(), repeated), wanted)
    world.acknowledged.add(task._id)
  })
}

function submitMany(world: World): Promise<void> {
  const refs = ['p', 'q', 'r', 's'].slice(0, world.random.between(2, 4))
  const tasks = refs.map((ref, at) => ({ ref, ...anyTask(world, { refs: refs.slice(0, at) }) }))
  const parsed = CreateBatch.parse({ tasks })
  const ids = seeded(world)
  const batch = ids().batch()
  return request(world, `batch of ${refs.length}`, async (deps, repeated) => {
    const members = ids()
    members.batch()
    world.batches.set(
      batch,
      refs.map(() => members.task()),
    )
    for (const task of await submitBatch(deps, callerOf(ids(), repeated), parsed.tasks))
      world.acknowledged.add(task._id)
  })
}

/** The ids of one request, from the start each time it is sent. */
function seeded(world: World) {
  const at = world.idSeed()
  return () => world.idsOf(at)
}

const callerOf = (ids: ReturnType<World['newIds']>, repeated: boolean) => ({
  apiKey: 'key_01ARZ3NDEKTSV4RRFFQ69G5FAV',
  grant: null,
  requestId: 'r',
  ids,
  repeated,
  replayed: false,
})

export async function claimOne(world: World, agent: Agent): Promise<void> {
  const claimId = agent.claimId ?? `claim-${world.trace.length}-${agent.name}`
  agent.claimId = claimId
  const instance = agent.instance
  await request(world, `${agent.name} claims`, async (deps) => {
    const answer = await claim(deps, world.agentDoc(deps, agent), { claimId, offers: world.offers })
    if (answer?.grant) world.granted(answer.grant.run, agent, claimId)
    if (agent.claimId !== claimId || agent.instance !== instance) return // a twin of this was answered before
    agent.claimId = null
    if (answer?.grant) agent.held.add(answer.grant.run)
  })
}

/** The result is in the spool before it is reported, and leaves it only after the answer. */
export async function finishOne(world: World, agent: Agent, run: RunId, report: Report): Promise<void> {
  agent.held.delete(run)
  agent.spool.set(run, report)
  await deliver(world, agent, run)
}

export async function deliver(world: World, agent: Agent, run: RunId): Promise<void> {
  const report = agent.spool.get(run)
  if (!report) return
  await request(world, `${agent.name} reports ${run} ${report.outcome}`, async (deps) => {
    const body = FinishRequest.parse({
      sessionId: agent.sessionId,
      outcome: report.outcome,
      result: report.outcome === 'succeeded' ? { said: { value: world.valueOf(run) } } : {},
      error:
        report.outcome === 'failed'
          ? { code: 'module_error', message: 'no', retryable: report.retryable }
          : null,
    })
    const answer = await finish(deps, world.agentDoc(deps, agent), run, body)
    world.note(`${run}: ${JSON.stringify(answer)}`)
    if ('applied' in answer && report.outcome === 'succeeded' && !world.rules.everApplied.has(run))
      world.fault(`an accepted result is kept: the agent of ${run} heard that it counts, and it does not`)
    agent.spool.delete(run)
    agent.told.push([run, report])
  })
}

/** A message that was long on its way, and long answered. */
export async function reportAgain(world: World, agent: Agent, told = agent.told): Promise<void> {
  if (told.length === 0) return
  const [run, report] = world.random.pick(told)
  if (!agent.spool.has(run)) agent.spool.set(run, report)
  await deliver(world, agent, run)
}

export async function beat(world: World, agent: Agent): Promise<void> {
  const held = [...agent.held, ...agent.spool.keys()]
  await request(world, `${agent.name} beats`, async (deps) => {
    const body = {
      sessionId: agent.sessionId,
      runs: held.map((runId) => ({ runId })),
      gpus: [],
      load: {},
      done: [],
      rest: null,
    }
    const answer = await heartbeat(deps, await world.agentDoc(deps, agent), body)
    for (const run of held) {
      if (answer.runs[run] === 'stop') agent.held.delete(run)
      if (answer.runs[run] === 'cancel' && agent.held.has(run)) {
        agent.held.delete(run)
        agent.spool.set(run, { outcome: 'cancelled' })
      }
    }
  })
}

/** As the process starts again: what it ran is gone, what it had written down is not. */
export async function restart(world: World, agent: Agent): Promise<void> {
  const previous = agent.sessionId
  agent.instance += 1
  agent.held.clear()
  agent.claimId = null
  await request(world, `${agent.name} is killed and starts`, (deps) => world.signIn(deps, agent, previous))
}

export async function signInAgain(world: World, agent: Agent): Promise<void> {
  await request(world, `${agent.name} signs in`, (deps) => world.signIn(deps, agent, undefined))
}

export function anyReport(world: World): Report {
  if (world.isFlaky && world.random.chance(0.6)) return { outcome: 'failed', retryable: true }
  return world.random.pick<Report>([
    { outcome: 'succeeded' },
    { outcome: 'succeeded' },
    { outcome: 'succeeded' },
    { outcome: 'failed', retryable: true },
    { outcome: 'failed', retryable: false },
    { outcome: 'timed_out' },
    { outcome: 'handed_back' },
  ])
}

async function upload(world: World): Promise<void> {
  const ids = world.newIds()
  const id = ids.data()
  world.uploads.push(id)
  await world.launch(0, 'upload', async ({ store, clock }) => {
    await store.data.insert(
      newItem({
        _id: id,
        apiKey: 'k',
        label: 'u',
        type: 'text',
        status: 'uploading',
        tags: [],
        createdAt: clock.now(),
      }),
    )
  })
}

/** As the end of an upload leaves the item: available or failed, and the tasks that wait for it check again. */
async function uploaded(world: World): Promise<void> {
  const waiting = world.uploads.filter((id) => world.mirror.data.get(id)?.status === 'uploading')
  if (waiting.length === 0) return
  await endUpload(world, world.random.pick(waiting) as DataId, world.random.chance(0.7))
}

export async function endUpload(world: World, id: DataId, isWell: boolean): Promise<void> {
  await request(world, `upload ${id} ${isWell ? 'is available' : 'failed'}`, async (deps) => {
    const change = await deps.store.data.change(id, (item) =>
      item.status === 'uploading'
        ? {
            ...item,
            ...(isWell
              ? { status: 'available', json: '"u"' }
              : { status: 'failed', error: { code: 'x', message: 'x' } }),
            settle: { kind: 'admit-waiting' },
            updatedAt: deps.clock.now(),
          }
        : null,
    )
    const item = change?.after ?? (await deps.store.data.get(id))
    if (item) await settleData(deps, item)
  })
}

export async function tickOnce(world: World, at: number): Promise<void> {
  world.note(`tick at ${at}`)
  await world.launch(at, 'tick', (deps) => tick(deps))
}

/** One agent says nothing for longer than its session lasts, while ticks go on. */
async function silence(world: World): Promise<void> {
  const silent = world.random.pick(world.agents)
  world.note(`${silent.name} is silent`)
  for (let passed = 0; passed < 28; passed += 2) {
    world.pass(2)
    await tickOnce(world, world.random.between(0, 1))
    if (passed % 6 === 0) for (const agent of world.agents) if (agent !== silent) await beat(world, agent)
  }
  if (world.random.chance(0.7)) await signInAgain(world, silent)
}

/** No process runs for a minute: neither ticks nor requests. Then all are back at once. */
async function outage(world: World): Promise<void> {
  world.note('outage')
  world.pass(60)
  await tickOnce(world, 0)
}

export const cancelOne = (world: World, id: TaskId): Promise<void> =>
  request(world, `cancel ${id}`, async (deps) => void (await cancel(deps, id)))

export function retryOne(world: World, id: TaskId): Promise<void> {
  const asked = `retry-${world.trace.length}`
  return request(world, `retry ${id}`, async (deps) => void (await retry(deps, id, asked)))
}

/** Many at once, recorded first: a process that dies leaves the rest to others. */
function actOnMany(world: World, act: 'cancel' | 'retry'): Promise<void> {
  const filter = TaskFilter.parse({ module: world.random.pick(['free', 'limited']) })
  const ids = seeded(world)
  return request(world, `${act} many`, async (deps) => void (await startBulkJob(deps, ids(), act, filter)))
}

const unfinished = (task: TaskDoc): boolean => !isTerminal(task.status)
const endedBadly = (task: TaskDoc): boolean => isTerminal(task.status) && task.status !== 'succeeded'
const someAgent = (world: World): Agent => world.random.pick(world.agents)

async function withRun(world: World, act: (agent: Agent, run: RunId) => Promise<void>): Promise<void> {
  const holding = world.agents.filter((agent) => agent.held.size > 0)
  if (holding.length === 0) return
  const agent = world.random.pick(holding)
  await act(agent, world.random.pick([...agent.held]))
}

/** Mostly of those in the states that the act is about: on the others it is refused. */
async function withTask(
  world: World,
  fitting: (task: TaskDoc) => boolean,
  act: (id: TaskId) => Promise<void>,
): Promise<void> {
  const all = tasksOf(world)
  const some = all.filter((id) => {
    const task = world.mirror.tasks.get(id)
    return task !== undefined && fitting(task)
  })
  const ids = some.length > 0 && world.random.chance(0.8) ? some : all
  if (ids.length > 0) await act(world.random.pick(ids))
}

export const moves: Move[] = [
  { name: 'submit', weight: 12, make: submitOne },
  { name: 'batch', weight: 4, make: submitMany },
  { name: 'claim', weight: 16, make: (world) => claimOne(world, someAgent(world)) },
  {
    name: 'finish',
    weight: 14,
    make: (world) => withRun(world, (agent, run) => finishOne(world, agent, run, anyReport(world))),
  },
  {
    // The same report twice, on its way at the same time.
    name: 'finish twice',
    weight: 4,
    make: (world) =>
      withRun(world, async (agent, run) => {
        agent.held.delete(run)
        agent.spool.set(run, anyReport(world))
        await Promise.all([deliver(world, agent, run), deliver(world, agent, run)])
      }),
  },
  {
    // A claim and its repetition cross.
    name: 'claim twice',
    weight: 3,
    async make(world) {
      const agent = someAgent(world)
      await Promise.all([claimOne(world, agent), claimOne(world, agent)])
    },
  },
  { name: 'beat', weight: 5, make: (world) => beat(world, someAgent(world)) },
  {
    // Reports in the spool are sent later, when much may have happened.
    name: 'finish later',
    weight: 4,
    make: (world) =>
      withRun(world, async (agent, run) => {
        agent.held.delete(run)
        agent.spool.set(run, anyReport(world))
      }),
  },
  {
    name: 'deliver',
    weight: 4,
    async make(world) {
      const agent = someAgent(world)
      for (const run of [...agent.spool.keys()].reverse()) await deliver(world, agent, run)
    },
  },
  {
    name: 'cancel',
    weight: 6,
    make: (world) => withTask(world, unfinished, (id) => cancelOne(world, id)),
  },
  {
    name: 'retry',
    weight: 8,
    make: (world) => withTask(world, endedBadly, (id) => retryOne(world, id)),
  },
  { name: 'cancel many', weight: 1, make: (world) => actOnMany(world, 'cancel') },
  { name: 'replay', weight: 1, make: (world) => actOnMany(world, 'retry') },
  { name: 'report again', weight: 6, make: (world) => reportAgain(world, someAgent(world)) },
  { name: 'upload', weight: 2, make: upload },
  { name: 'uploaded', weight: 2, make: uploaded },
  { name: 'tick', weight: 6, make: (world) => tickOnce(world, world.random.between(0, 1)) },
  { name: 'restart', weight: 3, make: (world) => restart(world, someAgent(world)) },
  { name: 'silence', weight: 2, make: silence },
  { name: 'outage', weight: 1, make: outage },
  {
    name: 'pass',
    weight: 5,
    async make(world) {
      world.pass(world.random.between(1, 4))
    },
  },
]
