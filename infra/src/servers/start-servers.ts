import { findPrograms, type ProgramName } from '../find/find-programs.ts'
import { type Kept, keepRunning } from '../processes/keep-running.ts'
import { startWatchdog } from '../processes/watchdog.ts'
import { given } from './given.ts'
import type { Server, ServerName, ServerOptions, Source } from './server.ts'
import { startMinio } from './start-minio.ts'
import { startMongo } from './start-mongo.ts'
import { startNats } from './start-nats.ts'

export type Servers = {
  /** Exactly the variables by which the API finds its servers. */
  env: Record<string, string>
  readonly servers: { name: ServerName; pid?: number; source: Source }[]
  stop(hurry?: AbortSignal): Promise<void>
}

export const starters = { mongo: startMongo, nats: startNats, minio: startMinio }
const programsOf: Record<ServerName, ProgramName[]> = {
  mongo: ['mongo'],
  nats: ['nats-server'],
  minio: ['minio', 'mc'],
}
export const serverNames: readonly ServerName[] = ['mongo', 'nats', 'minio']

/** All three, side by side: given, found or built. Throws when one cannot be had, after ending the others. */
export async function startServers(options: ServerOptions): Promise<Servers> {
  const { env = process.env, cache, report = () => undefined } = options
  // First, so that everything missing is named at once, and before anything runs.
  const toStart = serverNames.filter((name) => !given(name, env))
  const found = await findPrograms(
    toStart.flatMap((name) => programsOf[name]),
    { env, cache, report },
  )
  const wasBuilt = (name: ServerName) =>
    found.some((program) => program.source === 'built' && programsOf[name].includes(program.name))

  const watchdog = options.watchdog ?? startWatchdog()
  const closeOwn = () => (options.watchdog ? undefined : watchdog.close())
  const attempts = await Promise.allSettled(
    serverNames.map((name) => startKept(name, { ...options, env, watchdog })),
  )
  const servers = attempts.filter((attempt) => attempt.status === 'fulfilled').map(({ value }) => value)
  const failed = attempts.find((attempt) => attempt.status === 'rejected')
  if (failed) {
    await stopAll(servers)
    closeOwn()
    throw failed.reason
  }
  return {
    env: Object.assign({}, ...servers.map((server) => server.current().env)),
    get servers() {
      return servers
        .map((server) => server.current())
        .map(({ name, pid, source }) => ({ name, pid, source: wasBuilt(name) ? 'built' : source }))
    },
    stop: async (hurry) => {
      await stopAll(servers, hurry)
      closeOwn()
    },
  }
}

async function startKept(name: ServerName, options: ServerOptions): Promise<Kept<Server>> {
  const first = await starters[name](options)
  if (!options.restart || first.source === 'environment') return { current: () => first, stop: first.stop }
  // Others know the address by now, so it has to stay.
  const env = { ...options.env, ...first.portSetting }
  return keepRunning(
    name,
    first,
    () => starters[name]({ ...options, env }),
    options.report ?? (() => undefined),
  )
}

/** The database last: whoever writes to it is gone by then. */
async function stopAll(servers: Kept<Server>[], hurry?: AbortSignal): Promise<void> {
  const isDatabase = (server: Kept<Server>) => server.current().name === 'mongo'
  await Promise.all(servers.filter((server) => !isDatabase(server)).map((server) => server.stop(hurry)))
  await Promise.all(servers.filter(isDatabase).map((server) => server.stop(hurry)))
}
