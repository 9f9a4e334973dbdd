import { finishesWithin } from '@millrace/std/time'
import type { Logger } from 'pino'
import { type Agent, assemble } from './assembly/assemble.ts'
import { beat } from './assembly/beat.ts'
import { scan } from './assembly/open-controls.ts'
import type { Config } from './config/config.ts'
import { SessionDenied } from './control-plane/session.ts'
import { endAgent } from './end-agent.ts'
import { collectAfterStart } from './machine/collect-garbage.ts'
import { keepOwnerFirst } from './pause/owner-first.ts'
import { readOwnerPause } from './pause/owner-pause.ts'

export type RunningAgent = {
  /** Gives its runs a short time to end, then hands them back and ends. A second call does not wait. */
  stop(): void
  /** `null` after `stop`; else why the API rejected this process. */
  ended: Promise<SessionDenied | null>
}

/** Starts an agent: registers, offers its modules, and executes its assignments. Throws `HomeInUse`. */
export async function startAgent(
  config: Config,
  logger: Logger,
  args: readonly string[] = [],
): Promise<RunningAgent> {
  const agent = await assemble(config, logger, args)
  const stopped = Promise.withResolvers<null>()
  const hurry = Promise.withResolvers<void>()
  let isStopping = false
  const broken = live(agent).then(
    () => new Promise<never>(() => undefined),
    (error: unknown) => (error instanceof SessionDenied ? error : Promise.reject(error)),
  )
  const ended = Promise.race([stopped.promise, agent.denied, broken]).then(
    async (denied) => {
      await endAgent(agent, denied ? 'superseded' : 'shutdown', hurry.promise)
      return denied
    },
    async (error: unknown) => {
      await endAgent(agent, 'shutdown', hurry.promise)
      throw error
    },
  )
  const stop = () => {
    if (isStopping) hurry.resolve()
    isStopping = true
    stopped.resolve(null)
  }
  return { stop, ended }
}

/** How long the first scan waits for the API's time, in milliseconds. */
const apiTimeMs = 5000

/** Registers, then runs all parts until the end. Rejects when the API rejects this agent. */
async function live(agent: Agent): Promise<void> {
  const { config, home, pause, reporter, disk, session, sleep, gpus, ledger, logger, life } = agent
  const { signal } = life
  collectAfterStart()
  pause.set('owner', await readOwnerPause(config.home))
  reporter.resume(home.unreported)
  await disk.look()
  const registering = session.register()
  // The answer contains the API's time: earlier lines of installations have the time of this machine's clock.
  await finishesWithin(apiTimeMs, registering)
  const looking = scan(agent)
  const { heartbeatSeconds } = await registering
  const ownerFirst = keepOwnerFirst(
    {
      rest: pause,
      hours: () => config.ownerFirst.hours,
      foreignBytes: () => config.ownerFirst.foreignBytes,
      gpus: () => ledger.describe(),
    },
    signal,
  )
  const watching = [sleep.watch(logger, signal), disk.watch(signal), gpus.watch(logger, signal)]
  await Promise.all([looking, beat(agent, heartbeatSeconds), ownerFirst, ...watching])
}
