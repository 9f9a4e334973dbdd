import { availableParallelism, totalmem } from 'node:os'
import { AgentCommand, commandSubject, type InventoryModule, type RegisterAnswer } from '@millrace/shared'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Logger } from 'pino'
import { type AgentApi, createAgentApi } from './api/agent-api.ts'
import { ApiRefused } from './api-failures.ts'
import { pause } from './backoff.ts'
import { Commands } from './commands.ts'
import type { Config } from './config.ts'
import { Gpus } from './gpus.ts'
import { keepBeating } from './heartbeat.ts'
import { openHome } from './home.ts'
import { writeIdentity } from './identity.ts'
import { InstallLogs } from './install-logs.ts'
import { Inventory } from './inventory.ts'
import { describePlatform, measureLoad } from './machine.ts'
import { openCatalogue } from './modules/catalogue.ts'
import { NatsLink } from './nats-link.ts'
import { startWatchdog } from './process/watchdog.ts'
import { publishLog } from './publish-log.ts'
import { FindWork } from './queue/find-work.ts'
import { Reporter } from './report/reporter.ts'
import { RunLog } from './report/run-log.ts'
import { chooseGpu, offersOf, type Space } from './room.ts'
import { startTask } from './run-task.ts'
import { Runs } from './runs.ts'
import { Session, SessionDenied } from './session.ts'

export type RunningAgent = {
  /** Hands its runs back and ends, within ten seconds. */
  stop(): void
  /** `null` after `stop`; else why the API will not have this process. */
  ended: Promise<SessionDenied | null>
}

const version = '0.1.0'
/** Together below the ten seconds that service managers wait before they kill. */
const grace = { claimMs: 1500, runsMs: 6000, reportMs: 1000, restMs: 1000 }

/** Starts an agent: registers, offers its modules, and runs what it is granted. Throws `HomeInUse`. */
export async function startAgent(config: Config, logger: Logger): Promise<RunningAgent> {
  const home = await openHome(config.home)
  const api: AgentApi = createAgentApi({ url: config.url, key: config.key })
  const life = new AbortController()
  const { signal } = life
  const over = Promise.withResolvers<SessionDenied | null>()
  const gpus = new Gpus()
  const watchdog = startWatchdog()
  let known: InventoryModule[] = []
  let heartbeatSeconds = 5
  let isAccepting = true
  let isScanned = false

  const session: Session = new Session({
    api,
    identity: home.identity,
    keep: (identity) => writeIdentity(config.home, identity),
    describe: () => ({
      name: config.name,
      platform: describePlatform(),
      version,
      gpus: gpus.current,
      capacity: config.maxRuns,
    }),
    heldRuns: () => runs.ids(),
    onRegistered,
    onDenied: over.resolve,
    logger,
    signal,
  })
  const reporter = new Reporter({
    askForUrls: (run, files, signal) =>
      session.call((sessionId) => api.outputs(run, { sessionId, files }, signal)),
    finish: (run, report, signal) =>
      session.call((sessionId) => api.finish(run, { ...report, sessionId }, signal)),
    spool: home.spool,
    runsDir: home.runsDir,
    logger,
    signal,
  })
  const inventory = new Inventory({
    modules: () => catalogue.inventory(),
    send: (modules, signal) => session.call((sessionId) => api.modules({ sessionId, modules }, signal)),
    onKnown: (answer, modules) => {
      catalogue.setEnabled(answer.modules)
      known = modules.filter(
        ({ name, status }) => status === 'AVAILABLE' && answer.modules[name] !== 'disabled',
      )
      work.poke()
    },
    logger,
    signal,
  })
  const installLogs = new InstallLogs({
    send: (module, body, signal) =>
      session.call((sessionId) => api.installLog(module, { ...body, sessionId }, signal)),
    logger,
    signal,
  })
  const catalogue = openCatalogue({
    modulesDir: config.modulesDir,
    home: config.home,
    own: config.own,
    watchdog,
    logger: {
      info: (detail, text) => logger.info(detail, text),
      warn: (detail, text) => logger.warn(detail, text),
      error: (detail, text) => logger.error(detail, text),
    },
    onChange: tellInventory,
    onInstallLines: (module, digest, lines) => installLogs.add(module, digest, lines),
  })
  const runs: Runs = new Runs({
    place: ({ grant }) => {
      const { name, version, digest } = grant.module
      const needs = catalogue.find(name, version, digest)?.manifest.resources ?? nothing
      return { ...needs, gpu: chooseGpu(needs, space()) }
    },
    start: (task) =>
      startTask(
        {
          runsDir: home.runsDir,
          find: catalogue.find,
          openLog,
          onProgress: (run, progress) => runs.progress(run, progress),
          watchdog,
          spool: home.spool,
          threads: Math.max(1, Math.floor(availableParallelism() / config.maxRuns)),
          own: config.own,
          logger,
        },
        task,
      ),
    report: (result) => reporter.report(result),
    spooled: () => reporter.held(),
    drop: (run) => reporter.drop(run),
    onFree: () => work.poke(),
    logger,
  })
  const work = new FindWork({
    offers: () => (isAccepting ? offersOf(offered(), space()) : []),
    ask: (claimId, offers, signal) =>
      session.call((sessionId) => api.claim({ sessionId, claimId, offers }, signal)),
    isDefinite: (error) => error instanceof ApiRefused,
    onGrant: (granted) => runs.take(granted),
    logger,
    signal,
  })
  const commands = new Commands({
    cancel: (run) => runs.cancel(run),
    setAccepting: (accepting) => {
      isAccepting = accepting
      if (accepting) work.poke()
      work.update()
    },
    scan: () => void scan(),
    retry: (module) => catalogue.retry(module),
    test: (module) => catalogue.test(module),
    logger,
  })
  const nats = new NatsLink({
    name: config.name,
    logger,
    onUp: (connection) => void listen(connection),
    onDown: () => work.connected(null),
  })

  /** Only what the API knows of, and is still so here. */
  function offered() {
    return catalogue
      .available()
      .filter((module) => known.some(({ name, digest }) => name === module.name && digest === module.digest))
  }

  function space(): Space {
    const { maxRuns } = config
    return { maxRuns, ramBytes: totalmem(), gpus: gpus.current, occupied: runs.occupied }
  }

  function openLog(run: Parameters<typeof runs.progress>[0], path: string): RunLog {
    return new RunLog({
      path,
      isOpen: () => nats.current !== null && session.agentId !== null,
      publish: async (batch) => {
        const { agentId: agent } = session
        if (!nats.current || !agent) return false
        return publishLog(nats.current, { agent, run }, batch, logger)
      },
      logger,
    })
  }

  function onRegistered(answer: RegisterAnswer): void {
    heartbeatSeconds = answer.heartbeatSeconds
    nats.use(answer.nats)
    runs.obey(answer.runs)
    tellInventory()
  }

  /** An inventory sent before the first look at the folders would take all modules away. */
  function tellInventory(): void {
    if (isScanned) inventory.changed()
    work.update()
  }

  async function scan(): Promise<void> {
    try {
      await catalogue.scan()
    } catch (err) {
      logger.error({ err, folder: config.modulesDir }, 'the modules folder could not be looked at')
    }
    isScanned = true
    tellInventory()
  }

  const listening = new WeakSet<NatsConnection>()
  async function listen(connection: NatsConnection): Promise<void> {
    const { agentId } = session
    if (agentId && !listening.has(connection)) {
      listening.add(connection)
      connection.subscribe(commandSubject(agentId), {
        callback: (error, message) => {
          if (error) logger.warn({ err: error }, 'commands cannot be heard')
          else obey(message.string())
        },
      })
    }
    const { jetstreamQueue } = await import('./queue/jetstream-queue.ts')
    work.connected(jetstreamQueue(connection))
  }

  function obey(text: string): void {
    try {
      commands.carryOut(AgentCommand.parse(JSON.parse(text)))
    } catch (err) {
      logger.warn({ err }, 'a command was not understood')
    }
  }

  async function live(): Promise<void> {
    reporter.resume(home.unreported)
    const registered = session.register()
    const looking = scan()
    await registered
    const beating = keepBeating(
      {
        everySeconds: () => heartbeatSeconds,
        describe: async () => ({
          runs: runs.forHeartbeat(),
          gpus: gpus.current,
          load: await measureLoad(config.home),
          done: commands.done,
        }),
        send: (body) => session.call((sessionId) => api.heartbeat({ ...body, sessionId }, signal)),
        onVerdicts: (verdicts) => runs.obey(verdicts),
        onCommands: (wishes) => {
          for (const wish of wishes) commands.carryOut(wish)
        },
        onTold: (done) => commands.told(done),
        logger,
      },
      signal,
    )
    await Promise.all([looking, beating, gpus.watch(logger, signal)])
  }

  async function shutDown(reason: 'shutdown' | 'superseded'): Promise<void> {
    isAccepting = false
    const working = work.close()
    const ending = runs.end(reason)
    await within(grace.claimMs, working)
    await within(grace.runsMs, ending)
    if (reason === 'shutdown') await within(grace.reportMs, reporter.idle())
    life.abort()
    await within(
      grace.restMs,
      Promise.all([working, ending, reporter.idle(), inventory.close(), installLogs.close(), nats.close()]),
    )
    await within(grace.restMs, catalogue.close())
    await within(grace.restMs, watchdog.close())
    await home.release()
  }

  const living = live().catch((err: unknown) => {
    if (!(err instanceof SessionDenied) && !signal.aborted) over.reject(err)
  })
  const ended = over.promise.then(
    async (denied) => {
      await shutDown(denied ? 'superseded' : 'shutdown')
      await living
      return denied
    },
    async (error: unknown) => {
      await shutDown('shutdown')
      throw error
    },
  )
  return { stop: () => over.resolve(null), ended }
}

const nothing = { minRamBytes: 0, minVramBytes: 0, usesGpu: false }

/** Waits for something, but not for ever: what is not over in time is left to end with the process. */
async function within(ms: number, step: Promise<unknown>): Promise<void> {
  const enough = new AbortController()
  await Promise.race([step, pause(ms, enough.signal)])
  enough.abort()
}
