import { availableParallelism } from 'node:os'
import type { RegisterAnswer, RunId } from '@millrace/shared'
import type { Logger } from 'pino'
import { createAgentApi, usualTtlSeconds } from './api/agent-api.ts'
import { type SessionApi, underSession } from './api/under-session.ts'
import { ApiRefused } from './api-failures.ts'
import { within } from './backoff.ts'
import { Commands } from './commands.ts'
import type { Config } from './config.ts'
import { DiskRoom } from './disk-room.ts'
import { Gpus } from './gpus.ts'
import { keepBeating } from './heartbeat.ts'
import { openHome } from './home.ts'
import { forgetConnections } from './http.ts'
import { writeIdentity } from './identity.ts'
import { InstallLogs } from './install-logs.ts'
import { Inventory } from './inventory.ts'
import { describePlatform, measureLoad } from './machine.ts'
import { openCatalogue } from './modules/catalogue.ts'
import { Offering } from './offering.ts'
import { startWatchdog } from './process/watchdog.ts'
import { programsOf } from './programs.ts'
import { ways } from './queue/ways.ts'
import { Reporter } from './report/reporter.ts'
import { RunLog } from './report/run-log.ts'
import { startTask } from './run-task.ts'
import { Runs } from './runs.ts'
import { Session, SessionDenied } from './session.ts'
import { Wakefulness } from './wakefulness.ts'
import { openWorkers } from './workers/workers.ts'

export type RunningAgent = {
  /** Hands its runs back and ends, within ten seconds. */
  stop(): void
  /** `null` after `stop`; else why the API will not have this process. */
  ended: Promise<SessionDenied | null>
}

const version = '0.1.0'
/** Together below the ten seconds that service managers wait before they kill. */
const grace = { claimMs: 1500, runsMs: 6000, reportMs: 1000, restMs: 500 }

/** Starts an agent: registers, offers its modules, and runs what it is granted. Throws `HomeInUse`. */
export async function startAgent(config: Config, logger: Logger): Promise<RunningAgent> {
  const home = await openHome(config.home)
  const life = new AbortController()
  const { signal } = life
  const over = Promise.withResolvers<SessionDenied | null>()
  const gpus = new Gpus()
  const wakefulness = new Wakefulness()
  const watchdog = startWatchdog()
  const api = createAgentApi({
    url: config.url,
    key: config.key,
    ttlSeconds: () => session.ttlSeconds ?? usualTtlSeconds,
  })
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
  const calls: SessionApi = underSession(api, (send) => session.call(send))
  const reporter = new Reporter({ ...calls, spool: home.spool, runsDir: home.runsDir, logger, signal })
  const installLogs = new InstallLogs({ send: calls.installLog, logger, signal })
  const catalogue = openCatalogue({
    modulesDir: config.modulesDir,
    home: config.home,
    own: config.own,
    watchdog,
    logger,
    gpus: () => gpus.known(),
    keeping: config.keeping,
    retestHours: config.retestHours,
    onChange: () => inventory.changed(),
    onInstallLines: (module, digest, lines) => installLogs.add(module, digest, lines),
  })
  const workers = openWorkers({
    files: config.workersFiles,
    home: config.home,
    own: config.own,
    logger,
    onChange: () => inventory.changed(),
  })
  const programs = programsOf(catalogue, workers)
  const inventory = new Inventory({
    modules: () => programs.inventory(),
    send: calls.modules,
    onKnown: (answer, modules) => {
      programs.setEnabled(answer.modules)
      offering.apiKnows(answer, modules)
      way.poke()
    },
    logger,
    signal,
  })
  const offering = new Offering({ programs, gpus, maxRuns: config.maxRuns, occupied: () => runs.occupied })
  const runs: Runs = new Runs({
    place: ({ grant }) => offering.place(grant),
    start: (task) =>
      startTask(
        {
          runsDir: home.runsDir,
          find: programs.find,
          openLog,
          onProgress: (run, progress) => runs.progress(run, progress),
          watchdog,
          threads: Math.max(1, Math.floor(availableParallelism() / config.maxRuns)),
          own: config.own,
          agentId: () => session.agentId ?? null,
          logger,
        },
        task,
      ),
    report: (result) => reporter.report(result),
    spooled: () => reporter.held(),
    drop: (run) => reporter.drop(run),
    onFree: () => {
      void disk.look()
      way.poke()
    },
    logger,
  })
  const disk = new DiskRoom({
    home: config.home,
    minFreeBytes: config.minFreeBytesForRuns,
    onChange: () => way.poke(),
    logger,
  })
  const way = ways[config.queue]({
    name: config.name,
    offers: () => (disk.isLow ? [] : offering.offers()),
    ask: calls.claim,
    isDefinite: (error) => error instanceof ApiRefused || error instanceof SessionDenied,
    onGrant: (granted) => runs.take(granted),
    onCommand: (command) => commands.carryOut(command),
    sendLines: calls.logs,
    logger,
    signal,
  })
  const commands = new Commands({
    cancel: (run) => runs.cancel(run),
    setAccepting: (accepting) => {
      offering.setAccepting(accepting)
      way.poke()
    },
    scan: () => void scan(),
    retry: (module) => catalogue.retry(module),
    test: (module) => catalogue.test(module),
    logger,
  })

  function openLog(run: RunId, path: string): RunLog {
    return new RunLog({
      path,
      isOpen: way.isOpen,
      publish: (batch) => way.publishLog(run, batch),
      logger,
    })
  }

  function onRegistered(answer: RegisterAnswer): void {
    way.begin(answer)
    runs.obey(answer.runs)
    inventory.changed()
  }

  async function scan(): Promise<void> {
    try {
      await programs.scan()
    } catch (err) {
      logger.error({ err, folder: config.modulesDir }, 'the modules folder could not be looked at')
    }
    // An inventory sent before the first look would take all modules away.
    inventory.open()
  }

  /** Whatever was open before the sleep is dead most often, and does not say so. */
  function onWoken(): void {
    forgetConnections()
    way.reconnect()
    reporter.tryNow()
  }

  async function live(): Promise<void> {
    reporter.resume(home.unreported)
    await disk.look()
    const looking = scan()
    const { heartbeatSeconds } = await session.register()
    const beating = keepBeating(
      {
        everySeconds: heartbeatSeconds,
        describe: async () => ({
          runs: runs.forHeartbeat(),
          gpus: gpus.current,
          load: await measureLoad(config.home),
          done: commands.done,
        }),
        send: calls.heartbeat,
        nextWaking: () => wakefulness.nextWaking,
        onAnswer: (answer, told) => {
          commands.told(told)
          runs.obey(answer.runs)
          for (const command of answer.commands) commands.carryOut(command)
          programs.setEnabled(answer.modules ?? {})
        },
        onBack: () => {
          reporter.tryNow()
          way.apiIsBack()
        },
        logger,
      },
      signal,
    )
    const awake = wakefulness.watch(onWoken, logger, signal)
    await Promise.all([looking, beating, awake, disk.watch(signal), gpus.watch(logger, signal)])
  }

  async function shutDown(reason: 'shutdown' | 'superseded'): Promise<void> {
    offering.setAccepting(false)
    const working = way.stopAsking()
    const ending = runs.end(reason)
    await within(grace.claimMs, working)
    await within(grace.runsMs, ending)
    if (reason === 'shutdown') await within(grace.reportMs, reporter.idle())
    life.abort()
    const rest = [working, ending, reporter.idle(), inventory.close(), installLogs.close(), way.close()]
    await within(grace.restMs, Promise.all(rest))
    // What it watches still is killed with it.
    await within(grace.restMs, Promise.all([programs.close(), watchdog.close()]))
    await home.release()
  }

  live().catch((error: unknown) => {
    if (!(error instanceof SessionDenied)) over.reject(error)
  })
  const ended = over.promise
    .then(async (denied) => {
      await shutDown(denied ? 'superseded' : 'shutdown')
      return denied
    })
    .catch(async (error: unknown) => {
      await shutDown('shutdown')
      throw error
    })
  return { stop: () => over.resolve(null), ended }
}
