import { findPrograms, type ProgramName } from '../find/find-programs.ts'
import { startWatchdog } from '../processes/watchdog.ts'
import { given, variablesOf } from './given.ts'
import type { Server, ServerName, ServerOptions, Source } from './server.ts'
import { startMinio } from './start-minio.ts'
import { startMongo } from './start-mongo.ts'
import { startNats } from './start-nats.ts'

export type Servers = {
  /** Exactly the variables by which the API finds its servers. */
  env: Record<string, string>
  servers: { name: ServerName; pid?: number; source: Source }[]
  stop(): Promise<void>
}

export const starters = { mongo: startMongo, nats: startNats, minio: startMinio }
const programsOf: Record<ServerName, ProgramName[]> = {
  mongo: ['mongo'],
  nats: ['nats-server'],
  minio: ['minio', 'mc'],
}
const names: ServerName[] = ['mongo', 'nats', 'minio']

/** All three, side by side: given, found or built. Throws when one cannot be had, after ending the others. */
export async function startServers(options: ServerOptions): Promise<Servers> {
  const { env = process.env, cache, report = () => undefined } = options
  // First, so that everything missing is named at once, and before anything runs.
  const toStart = names.filter((name) => !given(name, env))
  await findPrograms(
    toStart.flatMap((name) => programsOf[name]),
    { env, cache, report },
  )

  const watchdog = options.watchdog ?? startWatchdog()
  const closeOwn = () => (options.watchdog ? undefined : watchdog.close())
  const attempts = await Promise.allSettled(names.map((name) => starters[name]({ ...options, watchdog })))
  const servers = attempts.filter((attempt) => attempt.status === 'fulfilled').map(({ value }) => value)
  const failed = attempts.find((attempt) => attempt.status === 'rejected')
  if (failed) {
    await stopAll(servers)
    closeOwn()
    throw failed.reason
  }
  return {
    env: Object.assign({}, ...servers.map((server) => server.env)),
    servers: servers.map(({ name, pid, source }) => ({ name, pid, source })),
    stop: async () => {
      await stopAll(servers)
      closeOwn()
    },
  }
}

/** The database last: whoever writes to it is gone by then. */
async function stopAll(servers: Server[]): Promise<void> {
  await Promise.all(servers.filter(({ name }) => name !== 'mongo').map((server) => server.stop()))
  await Promise.all(servers.filter(({ name }) => name === 'mongo').map((server) => server.stop()))
}

export const serverVariables: readonly string[] = Object.values(variablesOf).flat()
