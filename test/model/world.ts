import {
  type ApiPorts,
  agentOf,
  changeSettings,
  Meter,
  type NewIds,
  ObservedPeaks,
  RefusedCallers,
  Replicas,
  register,
  repeatableIds,
  reportModules,
  Shares,
  storeOver,
} from '@millrace/api/life'
import type { AgentId, Json, RunId, SessionId, TaskId } from '@millrace/shared'
import type { Db } from 'mongodb'
import { pino } from 'pino'
import { availableModule } from '../support/scripted-agent.ts'
import { Mirror, type Seen } from './mirror.ts'
import { globalLimit, MomentRules, moduleLimit } from './moment.ts'
import type { Random } from './random.ts'
import { Turns } from './turns.ts'
import { type Call, watchedDb } from './watched-db.ts'

/** A process of the API: it dies at a chosen write, and none of its work continues. */
export type ApiProcess = { isDead: boolean; writesLeft: number; died: Promise<void>; die(): void }

export type Report =
  | { outcome: 'succeeded' }
  | { outcome: 'failed'; retryable: boolean }
  | { outcome: 'timed_out' | 'handed_back' | 'cancelled' }

/** A machine with its runs. What it has finished lies in its spool until it was answered. */
export type Agent = {
  id: AgentId
  name: string
  sessionId: SessionId
  instance: number
  held: Set<RunId>
  spool: Map<RunId, Report>
  /** Answered requests: the network may deliver them once more. */
  told: [RunId, Report][]
  /** A claim that was sent and not answered: it is sent again as it is. */
  claimId: string | null
  isUp: boolean
  replaced: boolean
}

const text = { key: 'text', type: 'text', required: false }
const said = { key: 'said', type: 'text' }
const modules = ['free', 'limited'].map((name) => availableModule({ name, inputs: [text], outputs: [said] }))
const ttlSeconds = 20
/** The same that the tick itself takes for a break in its own life. */
const gapMs = Math.max(2_500, ttlSeconds * 250)
const keyId = 'key_01ARZ3NDEKTSV4RRFFQ69G5FAV'
const serves = { modules: ['*'], trusted: true }

export class World {
  readonly random: Random
  readonly turns: Turns
  readonly mirror = new Mirror()
  readonly agents: Agent[] = []
  readonly processes: ApiProcess[] = []
  /** Tasks that a caller got an answer for: they may never be lost. */
  readonly acknowledged = new Set<TaskId>()
  readonly batches = new Map<string, TaskId[]>()
  readonly uploads: string[] = []
  readonly trace: string[] = []
  broken: string | null = null
  running = 0
  isFlaky = false
  readonly rules = new MomentRules(this.mirror)
  #db: Db
  #now = Date.parse('2026-01-01T00:00:00Z')
  #seed: number
  #actors = 0
  #ids = 0
  #gone = new Set<number>()
  /** Since when heartbeats had been received when a tick began. */
  #ticks = new Map<number, number>()
  #tickedSince = 0
  #lastTick = 0
  #granted = new Map<RunId, string>()
  #deps: Omit<ApiPorts, 'store'>

  constructor(db: Db, random: Random, seed: number) {
    this.#db = db
    this.#seed = seed
    this.random = random
    this.turns = new Turns(random)
    this.#deps = this.#depsOf()
  }

  now = (): Date => new Date(this.#now)
  pass(seconds: number): void {
    this.#now += seconds * 1000
  }

  /** New ids, the same for the same seed. */
  newIds(): NewIds {
    return this.idsOf(this.idSeed())
  }

  /** Each request has separate ids, and the same ones when it is sent again. */
  idSeed = () => ({ at: this.#now, name: `${this.#seed}.${this.#ids++}` })
  idsOf = ({ at, name }: { at: number; name: string }): NewIds => repeatableIds(at, name)

  note(what: string): void {
    this.trace.push(`${((this.#now / 1000) % 1e5).toFixed(0)}s ${what}`)
  }

  /** Two processes, two agents that have both modules, and limits that are soon reached. */
  async prepare(): Promise<void> {
    this.startProcess()
    this.startProcess()
    const begin = (what: string, operation: (deps: ApiPorts) => Promise<unknown>) =>
      this.alone(this.launch(0, what, async (deps) => void (await operation(deps))))
    const limits = { maxRunningTasks: globalLimit, perModule: { limited: moduleLimit } }
    await begin('settings', (deps) => changeSettings(deps, limits))
    for (const name of ['a', 'b']) {
      const agent: Agent = {
        id: this.newIds().agent(),
        name,
        sessionId: this.newIds().session(),
        instance: 0,
        held: new Set(),
        spool: new Map(),
        told: [],
        claimId: null,
        isUp: true,
        replaced: false,
      }
      this.agents.push(agent)
      await begin('sign in', (deps) => this.signIn(deps, agent, undefined))
      await begin('modules', async (deps) =>
        reportModules(deps, await this.agentDoc(deps, agent), serves, modules),
      )
    }
    this.noteTick()
  }

  /** Plays until this one is done, while nothing else is meant to happen. */
  async alone<T>(work: Promise<T>): Promise<T> {
    let isOver = false
    const over = work.finally(() => {
      isOver = true
    })
    over.catch(() => undefined) // the caller below gets it
    while (!isOver) await this.turns.play(1)
    return over
  }

  process(at: number): ApiProcess {
    const process = this.processes[at]
    if (!process) throw new Error(`no process ${at}`)
    return process
  }

  startProcess(at = this.processes.length): void {
    const died = Promise.withResolvers<void>()
    const process: ApiProcess = {
      isDead: false,
      writesLeft: Number.POSITIVE_INFINITY,
      died: died.promise,
      die: () => {
        process.isDead = true
        died.resolve()
      },
    }
    this.processes[at] = process
  }

  /** Begins an operation in a process; it is over when it ended or its process did. */
  launch(at: number, what: string, operation: (deps: ApiPorts) => Promise<void>): Promise<'done' | 'died'> {
    const process = this.process(at)
    const actor = ++this.#actors
    if (what === 'tick') this.#ticks.set(actor, this.noteTick())
    this.running += 1
    const deps = { ...this.#deps, store: this.#storeOf(actor, process) }
    const ended = Promise.race([
      operation(deps).then(() => 'done' as const),
      process.died.then(() => 'died' as const),
    ])
    return ended
      .catch((error: unknown) => {
        this.note(`${what}: ${error instanceof Error ? error.message : error}`)
        if (!isRefusal(error))
          this.fault(`no operation fails: ${what}: ${error instanceof Error ? error.stack : error}`)
        return 'done' as const
      })
      .finally(() => {
        this.running -= 1
        if (process.isDead) {
          this.#gone.add(actor)
          this.turns.drop((one) => this.#gone.has(one))
        }
      })
  }

  fault(what: string): void {
    this.broken ??= what
  }

  async agentDoc(deps: ApiPorts, agent: Agent) {
    return agentOf(deps, keyId, agent.sessionId)
  }

  async signIn(deps: ApiPorts, agent: Agent, previousSessionId: SessionId | undefined) {
    const heldRuns = [...agent.held, ...agent.spool.keys()]
    const answer = await register(deps, { id: keyId, serves }, this.newIds(), {
      agentId: agent.id,
      name: agent.name,
      instanceId: `instance-${agent.name}-${agent.instance}`,
      previousSessionId,
      heldRuns,
      signsLines: true,
      platform: { os: 'linux' },
      version: '0',
      labels: [],
      gpus: [],
    })
    agent.sessionId = answer.sessionId
    for (const [run, verdict] of Object.entries(answer.runs))
      if (verdict === 'stop') agent.held.delete(run as RunId)
  }

  /** An assignment belongs to one agent, whichever asks again. */
  granted(run: RunId, agent: Agent, claimId: string): void {
    const known = this.#granted.get(run)
    const whom = `${agent.name} ${claimId}`
    if (known && known !== whom) this.fault(`one claim: ${run} was granted to ${known} and to ${whom}`)
    this.#granted.set(run, whom)
  }

  /** Since when heartbeats could be received without a break. */
  noteTick(): number {
    if (this.#now - this.#lastTick > gapMs) this.#tickedSince = this.#now
    this.#lastTick = this.#now
    return this.#tickedSince
  }

  offers = modules.map(({ name, version, digest }) => ({ module: name, version, digest, max: 5, warm: 0 }))
  valueOf = (run: RunId): Json => run

  /** A job of the tick that fails is only logged: the next tick tries again, and would fail again. */
  #hear(line: string): void {
    if (line.includes(apart)) return
    this.note(`  log ${line}`)
    if (line.includes('"level":50')) this.fault(`no operation fails: ${line}`)
  }

  #storeOf(actor: number, process: ApiProcess): ApiPorts['store'] {
    const gate = <T>(call: Call, perform: (count?: number) => Promise<T>) =>
      this.turns.take(actor, () => this.#perform(actor, process, call, perform))
    return { ...storeOver(watchedDb(this.#db, gate)), close: async () => undefined }
  }

  async #perform<T>(
    actor: number,
    process: ApiProcess,
    call: Call,
    perform: (count?: number) => Promise<T>,
  ): Promise<{ answer: T } | 'dead'> {
    if (process.isDead) return 'dead'
    if (!call.write) return { answer: await perform() }
    const fits = Math.min(call.write.length, process.writesLeft)
    process.writesLeft -= call.write.length
    const isLast = fits < call.write.length
    if (isLast && fits === 0) {
      process.die()
      return 'dead'
    }
    try {
      const answer = await perform(fits)
      return isLast ? 'dead' : { answer }
    } finally {
      // Also when some existed already: the others were written.
      this.#judge(actor, { ...call, write: call.write.slice(0, fits) })
      if (isLast) process.die()
    }
  }

  #judge(actor: number, call: Call): void {
    for (const seen of this.mirror.follow(call.collection, call.write ?? [])) {
      this.note(`  ${describe(seen)}`)
      const fault = this.rules.judge(seen)
      if (fault) this.fault(fault)
    }
    this.#judgeSession(actor, call)
  }

  /**
   * Silence counts only where heartbeats could be received all the while. Half of the time is given to the tick
   * itself, which may note that it lives a little later than it was begun.
   */
  #judgeSession(actor: number, call: Call): void {
    if (call.collection !== 'agents') return
    const since = this.#ticks.get(actor)
    if (since !== undefined && since !== this.#tickedSince) return // an outage came in the middle of this tick
    const receivedMs = since === undefined ? 0 : this.#now - since
    for (const write of call.write ?? [])
      if (write.kind === 'update' && write.set.sessionEndedAt && receivedMs < ttlSeconds * 500)
        this.fault(`grace after an outage: a session ended ${receivedMs / 1000} s after it`)
  }

  #depsOf(): Omit<ApiPorts, 'store'> {
    return {
      objects: nowhere('the object store'),
      bus: deafBus(),
      clock: { now: this.now },
      random: this.random.next,
      logger: pino(
        { level: 'warn', base: null, timestamp: false, serializers: { err: String } },
        { write: (line) => this.#hear(line.trim()) },
      ),
      failpoint: () => undefined,
      webhooks: { allowPrivate: false, resolve: async () => [] },
      shares: new Shares(),
      meter: new Meter(),
      peaks: new ObservedPeaks(),
      replicas: new Replicas('model'),
      refused: new RefusedCallers(),
      storeSafety: { state: 'safe' },
      ending: new Map(),
      turns: () => () => undefined, // no other process waits for the time that passes here
      limits: {
        sessionTtlSeconds: ttlSeconds,
        heartbeatSeconds: 5,
        longestWaitSeconds: 50,
        agentsPerKey: 1_000,
      },
      agentNats: { servers: [] },
    }
  }
}

/** A write as the trace of a seed shows it. */
function describe({ kind, before, after }: Seen): string {
  const id = (after ?? before)?._id
  if (!after) return `${kind} ${id} removed`
  const changes = Object.entries(after).filter(
    ([key, value]) => key !== 'history' && key !== 'rev' && before?.[key as keyof typeof before] !== value,
  )
  const shown = before ? JSON.stringify(Object.fromEntries(changes)) : 'inserted'
  return `${kind} ${id} ${shown}`
}

const isRefusal = (error: unknown): boolean => error instanceof Error && error.name === 'Failure'

/** NATS at its worst: connected, and nothing arrives. */
const deafBus = (): ApiPorts['bus'] => ({
  sendToken: async () => undefined,
  announce: () => undefined,
  command: () => undefined,
  publishLog: async () => undefined,
  listen: () => () => undefined,
  listenToAll: () => () => undefined,
  isConnected: () => true,
  async *logs() {},
  ensureWork: async () => undefined,
  ensureStreams: async () => true,
  pendingTokens: async () => 0,
  ping: async () => undefined,
  close: async () => undefined,
})

const apart = 'has no part in the model'

/** Values only: whatever would touch a file fails. */
function nowhere<T extends object>(what: string): T {
  return new Proxy({} as T, {
    get: () => () => Promise.reject(new Error(`${what} ${apart}`)),
  })
}
