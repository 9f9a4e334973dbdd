import { setTimeout as delay } from 'node:timers/promises'
import { NotFound } from '../find/not-found.ts'
import { type Kept, keepRunning } from '../processes/keep-running.ts'
import { startWatchdog } from '../processes/watchdog.ts'
import type { Server, ServerName, ServerOptions, Source } from './server.ts'
import { startMongo } from './start-mongo.ts'
import { startNats } from './start-nats.ts'
import { beginStore, startStore } from './store/start-store.ts'

export type Servers = {
  /** Exactly the variables by which the API finds its servers. */
  env: Record<string, string>
  /** Those that answer by now. */
  readonly servers: { name: ServerName; pid?: number; source: Source }[]
  /** Resolves when the object store answers too; rejects when it cannot be started. */
  complete: Promise<void>
  stop(hurry?: AbortSignal): Promise<void>
}

const starters = { mongo: startMongo, nats: startNats, store: startStore }
export const serverNames: readonly ServerName[] = ['mongo', 'nats', 'store']

/** Starts all three in parallel: external, found or fetched. */
export async function startServers(options: ServerOptions): Promise<Servers> {
  const servers = await beginServers(options)
  try {
    await servers.complete
    return servers
  } catch (error) {
    await servers.stop()
    throw error
  }
}

/**
 * Resolves when MongoDB and NATS answer and the address of the store is known; building the store may take a minute
 * longer. Throws when one fails, after ending the others.
 */
export async function beginServers(options: ServerOptions): Promise<Servers> {
  const watchdog = options.watchdog ?? startWatchdog()
  const giveUp = new AbortController()
  const signal = AbortSignal.any([giveUp.signal, ...(options.signal ? [options.signal] : [])])
  const shared = { ...options, env: options.env ?? process.env, watchdog, signal }
  const running: Kept<Server>[] = []
  const keep = (name: ServerName, server: Server) => {
    const kept = keepUp(name, server, shared)
    running.push(kept)
    return kept
  }
  const mongo = startMongo(shared).then((server) => keep('mongo', server))
  const nats = startNats(shared).then((server) => keep('nats', server))
  const store = beginStore(shared)
  const complete = store.then(async ({ started }) => void keep('store', await started))
  const all = [mongo, nats, store, complete]
  const stop = async (hurry?: AbortSignal) => {
    giveUp.abort()
    await Promise.allSettled(all)
    await stopAll(running, hurry)
    if (!options.watchdog) watchdog.close()
  }
  try {
    const [{ env: storeEnv }, ...others] = await Promise.all([store, mongo, nats])
    return {
      env: Object.assign({}, ...others.map((server) => server.current().env), storeEnv),
      get servers() {
        const now = running.map((server) => server.current())
        return now.map(({ name, pid, source }) => ({ name, pid, source }))
      },
      complete,
      stop,
    }
  } catch (error) {
    const everything = await missingAmong(all, error)
    await stop()
    throw everything
  }
}

/** How long to wait for more missing programs before failing. A compiler that runs by then is not missing. */
const completeMessageMs = 5000

/** One error that names everything missing. */
async function missingAmong(all: Promise<unknown>[], first: unknown): Promise<unknown> {
  if (!(first instanceof NotFound)) return first
  const missing = new Set([first])
  const heard = all.map((one) => one.catch((error) => void (error instanceof NotFound && missing.add(error))))
  await Promise.race([Promise.all(heard), delay(completeMessageMs)])
  return NotFound.together([...missing])
}

function keepUp(name: ServerName, first: Server, options: ServerOptions): Kept<Server> {
  if (!options.restart || first.source === 'environment') return { current: () => first, stop: first.stop }
  // The API knows the address by now, so it must not change.
  const env = { ...options.env, ...first.portSetting }
  const again = () => starters[name]({ ...options, env })
  return keepRunning(name, first, again, options.report ?? (() => undefined))
}

/** Ends the database last, after everything that writes to it. */
async function stopAll(servers: Kept<Server>[], hurry?: AbortSignal): Promise<void> {
  const isDatabase = (server: Kept<Server>) => server.current().name === 'mongo'
  await Promise.all(servers.filter((server) => !isDatabase(server)).map((server) => server.stop(hurry)))
  await Promise.all(servers.filter(isDatabase).map((server) => server.stop(hurry)))
}
