import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { AgentRest, RegisterAnswer, RunId } from '@millrace/shared/for-agents'
import { plainHttpWarning } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import { LearnedNeeds } from './admission/learned-needs.ts'
import { Ledger } from './admission/ledger.ts'
import type { Config } from './config/config.ts'
import { followSettings } from './config/live-reload.ts'
import { settingsFile } from './config/settings.ts'
import { type AgentApi, createAgentApi, usualTtlSeconds } from './control-plane/agent-api.ts'
import { ApiClock } from './control-plane/api-clock.ts'
import { Commands } from './control-plane/commands.ts'
import { keepBeating } from './control-plane/heartbeat.ts'
import { InstallLogs } from './control-plane/install-logs.ts'
import { Inventory } from './control-plane/inventory.ts'
import { Session, SessionDenied } from './control-plane/session.ts'
import { type SessionApi, underSession } from './control-plane/under-session.ts'
import { Withheld } from './control-plane/withheld.ts'
import { endAgent } from './end-agent.ts'
import { openHome } from './home/home.ts'
import { writeIdentity } from './home/identity.ts'
import { forgetConnections } from './http/exchange.ts'
import { ApiRefused } from './http/failures.ts'
import { describeProxy } from './http/proxy.ts'
import { openLocalControl } from './local/local-control.ts'
import { Secrets, secretsIn } from './log/secrets.ts'
import { collectAfterStart } from './machine/collect-garbage.ts'
import { DiskSpace } from './machine/disk-space.ts'
import { Gpus } from './machine/gpu/gpus.ts'
import { describePlatform, measureLoad, memoryNow } from './machine/host.ts'
import { SleepDetector } from './machine/sleep-detector.ts'
import { openCatalogue } from './modules/catalogue.ts'
import { keepOwnerFirst } from './pause/owner-first.ts'
import { readOwnerPause } from './pause/owner-pause.ts'
import { PauseController } from './pause/pause-controller.ts'
import { secretsOf, variablesOfOwner } from './process/module-variables.ts'
import { startWatchdog } from './process/stop/watchdog.ts'
import { Reporter } from './report/reporter.ts'
import { RunLog } from './report/run-log.ts'
import type { SpooledRun } from './report/spool.ts'
import { executeWithRoom } from './runs/execute.ts'
import { keyOf, Offering } from './runs/offering.ts'
import { programsOf } from './runs/programs.ts'
import { startTask } from './runs/run-task.ts'
import { Runs } from './runs/runs.ts'
import { transports } from './transport/transports.ts'
import { WarmPool } from './warm/warm-pool.ts'
import { openWorkers } from './workers/workers.ts'

export type RunningAgent = {
  /** Lets its runs end for a short while, then hands them back and ends. The second time it waits for none. */
  stop(): void
  /** `null` after `stop`; else why the API will not have this process. */
  ended: Promise<SessionDenied | null>
}

const version = '0.1.0'

/** Starts an agent: registers, offers its modules, and runs what it is granted. Throws `HomeInUse`. */
export async function startAgent(
  config: Config,
  logger: Logger,
  args: readonly string[] = [],
): Promise<RunningAgent> {
  const home = await openHome(config.home)
  const warning = plainHttpWarning(config.url)
  if (warning) logger.warn(warning)
  if (home.orphansEnded > 0)
    logger.warn({ processes: home.orphansEnded }, 'ended what a former agent had left running')
  const proxy = describeProxy(config.own, config.url)
  if (proxy) logger[proxy.isFault ? 'warn' : 'info'](proxy.message)
  const life = new AbortController()
  const { signal } = life
  const over = Promise.withResolvers<SessionDenied | null>()
  const hurry = Promise.withResolvers<void>()
  let isStopping = false
  const sleepDetector = new SleepDetector()
  const gpus: Gpus = new Gpus(
    () => ledger.onReading(),
    () => {
      catalogue.gpusChanged(gpus.current)
      transport.capacityChanged()
    },
  )
  const secrets = new Secrets([config.key, ...secretsIn(config.own), ...secretsOf(config.moduleVariables)])
  const variables = variablesOfOwner(() => config.moduleVariables, settingsFile({ AGENT_HOME: config.home }))
  const watchdog = startWatchdog(home.processesDir)
  const threads = Math.max(1, Math.floor(availableParallelism() / config.maxRuns))
  const ledger: Ledger = new Ledger({
    gpus,
    freeRuns: () => config.maxRuns - runs.count,
    headroomBytes: () => config.gpuHeadroomBytes,
    ram: memoryNow,
    evict: (reservation) => warm.evict(reservation),
    onRoom: () => transport.capacityChanged(),
    logger,
    signal,
  })
  const warm: WarmPool = new WarmPool({
    ledger,
    limits: () => config.warm,
    memoryBytes: () => config.limits.memoryBytes ?? 0,
    folder: join(config.home, 'warm'),
    watchdog,
    threads,
    own: config.own,
    variables,
    secrets,
    logger,
    signal,
  })
  const clock = new ApiClock(logger)
  const agentApi = createAgentApi({
    url: config.url,
    key: config.key,
    ttlSeconds: () => session.ttlSeconds ?? usualTtlSeconds,
  })
  const api: AgentApi = {
    ...agentApi,
    register: clock.timed(agentApi.register),
    heartbeat: clock.timed(agentApi.heartbeat),
  }
  const session: Session = new Session({
    api,
    identity: home.identity,
    keep: (identity) => writeIdentity(config.home, identity),
    describe: () => ({
      signsLines: true,
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
    only: config.onlyModules,
    home: config.home,
    own: config.own,
    variables,
    secrets,
    watchdog,
    logger,
    gpus: () => gpus.known(),
    keeping: config.keeping,
    isInUse: (module) => ledger.reservations.some((reservation) => reservation.key === keyOf(module)),
    retestHours: config.retestHours,
    onChange: () => inventory.changed(),
    now: clock.now,
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
      warm.retain(new Set(programs.available().map(keyOf)))
      offering.apiKnows(answer, modules)
      transport.capacityChanged()
    },
    logger,
    signal,
  })
  const learned = new LearnedNeeds()
  const withheld = new Withheld(logger)
  const offering = new Offering({
    programs,
    ledger,
    learned,
    withheld,
    runsOf: (worker) => runs.countOf(worker),
    hasGpu: () => gpus.current.length > 0,
  })
  const runs: Runs = new Runs({
    reservation: ({ grant }) => offering.reservation(grant),
    leave: (reservation) =>
      warm.keeps(reservation) ? warm.giveBack(reservation) : ledger.release(reservation),
    start: (task) =>
      startTask(
        {
          runsDir: home.runsDir,
          find: programs.find,
          openLog,
          onProgress: (run, progress) => runs.progress(run, progress),
          execute: executeWithRoom({ ledger, warm }),
          watchdog,
          threads,
          own: config.own,
          variables,
          agentId: () => session.agentId ?? null,
          now: clock.now,
          limits: config.limits,
          secrets,
          logger,
        },
        task,
      ),
    report: (result, digest) => {
      learned.note(digest, peakOf(result))
      return reporter.report(result)
    },
    spooled: () => reporter.held(),
    drop: (run) => reporter.drop(run),
    onFree: () => {
      void disk.look()
      transport.runEnded()
    },
    logger,
  })
  const disk: DiskSpace = new DiskSpace({
    home: config.home,
    minFreeBytes: config.minFreeBytesForRuns,
    onChange: () => {
      if (disk.isLow) catalogue.prune()
      transport.capacityChanged()
    },
    logger,
  })
  const transport = transports[config.queue]({
    name: config.name,
    offers: () => (disk.isLow ? [] : offering.offers()),
    ask: calls.claim,
    isDefinite: (error) => error instanceof ApiRefused || error instanceof SessionDenied,
    onGrant: (granted) => runs.take(granted),
    onReserve: (reserve) => offering.keep(reserve),
    onCommand: (command) => commands.carryOut(command),
    sendLines: calls.logs,
    logger,
    signal,
  })
  const rest = new PauseController({
    setAccepting: (accepting) => {
      offering.setAccepting(accepting)
      transport.capacityChanged()
    },
    evictIdle: () => ledger.evictIdle(),
    handBack: () => runs.handBack(),
    drainSeconds: () => config.drainSeconds,
    now: clock.now,
    logger,
  })
  const operatorWants = (wish: AgentRest | null | undefined) =>
    rest.set('operator', wish ? { ...wish, makesWay: false } : null)
  const commands = new Commands({
    cancel: (run) => runs.cancel(run),
    rest: (kind) => operatorWants(kind && { kind, note: null, until: null }),
    scan: () => void scan(),
    retry: (module) => catalogue.retry(module),
    test: (module) => catalogue.test(module),
    logger,
  })

  function openLog(run: RunId, path: string): RunLog {
    return new RunLog({
      path,
      isOpen: transport.isOpen,
      now: clock.now,
      publish: (batch) => transport.publishLog(run, { ...batch, instance: session.instanceId }),
      logger,
    })
  }

  function onRegistered(answer: RegisterAnswer): void {
    secrets.add(answer.nats.password)
    transport.begin(answer)
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

  const local = openLocalControl({
    config,
    version,
    agentId: () => session.agentId,
    runs: () => runs.ids(),
    counts: () => ({ runs: runs.count, spooled: reporter.held().length }),
    rest,
    warm,
    gpus: () => ledger.describe(),
    clockOffsetSeconds: () => clock.offsetSeconds,
    logger,
  })
  const unfollow = followSettings(config, args, logger, () => {
    for (const secret of secretsOf(config.moduleVariables)) secrets.add(secret)
    catalogue.variablesChanged()
    warm.variablesChanged()
    transport.capacityChanged()
  })

  /** Whatever was open before the sleep is dead most often, and does not say so. */
  function onWoken(): void {
    forgetConnections()
    transport.reconnect()
    reporter.tryNow()
  }

  async function live(): Promise<void> {
    collectAfterStart()
    rest.set('owner', await readOwnerPause(config.home))
    reporter.resume(home.unreported)
    await disk.look()
    const looking = scan()
    const { heartbeatSeconds } = await session.register()
    const beating = keepBeating(
      {
        everySeconds: heartbeatSeconds,
        describe: async () => ({
          runs: runs.forHeartbeat(),
          gpus: ledger.describe(),
          load: await measureLoad(config.home),
          done: commands.done,
          rest: clock.convert(rest.own),
          clockOffsetSeconds: clock.offsetSeconds,
        }),
        send: calls.heartbeat,
        nextWaking: () => sleepDetector.nextWaking,
        onAnswer: (answer, told) => {
          commands.told(told)
          runs.obey(answer.runs)
          for (const command of answer.commands) commands.carryOut(command)
          programs.setEnabled(answer.modules ?? {})
          if (withheld.isOutdated(answer.awaiting)) inventory.changed()
          if (answer.rest !== undefined) operatorWants(answer.rest)
        },
        onBack: () => {
          reporter.tryNow()
          transport.apiIsBack()
        },
        logger,
      },
      signal,
    )
    const ownerFirst = keepOwnerFirst(
      {
        rest,
        hours: () => config.ownerFirst.hours,
        foreignBytes: () => config.ownerFirst.foreignBytes,
        gpus: () => ledger.describe(),
      },
      signal,
    )
    const awake = sleepDetector.watch(onWoken, logger, signal)
    await Promise.all([looking, beating, awake, ownerFirst, disk.watch(signal), gpus.watch(logger, signal)])
  }

  const shutDown = (reason: 'shutdown' | 'superseded') => {
    unfollow()
    const work = { offering, ledger, transport, runs, warm, reporter, life, hurry: hurry.promise }
    const others = { rest, inventory, installLogs, programs, watchdog, local, home }
    return endAgent({ ...work, ...others, graceSeconds: config.stopGraceSeconds }, reason)
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
  const stop = () => {
    if (isStopping) hurry.resolve()
    isStopping = true
    over.resolve(null)
  }
  return { stop, ended }
}

const peakOf = ({ usage }: SpooledRun) => ({
  ramBytes: usage?.peakRamBytes ?? undefined,
  vramBytes: usage?.peakVramBytes ?? undefined,
})
