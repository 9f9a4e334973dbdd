import { join } from 'node:path'
import { choosePort } from '../../home/port.ts'
import { given } from '../given.ts'
import { givenServer, hostOf, type Server, type ServerOptions } from '../server.ts'
import { storeKeys, storeSettings } from './bucket-users.ts'
import { type ChosenStore, chooseStore, type StoreKind } from './choose-store.ts'
import { holdPort } from './hold-port.ts'
import { startMinio } from './start-minio.ts'
import { startVersitygw } from './start-versitygw.ts'

const starters: Record<StoreKind, (options: ServerOptions) => Promise<Server>> = {
  versitygw: startVersitygw,
  minio: startMinio,
}

/** The object store: external, by the environment, or the one of this home. Waits until it answers. */
export async function startStore(options: ServerOptions): Promise<Server> {
  const { home, env = process.env } = options
  const elsewhere = given('store', env)
  if (elsewhere) return givenServer('store', elsewhere)
  const { kind } = await chooseStore(home, { ...options, env })
  return starters[kind](options)
}

/** A store whose address and keys are known, and which answers later. */
export type StartingStore = { env: Record<string, string>; started: Promise<Server> }

/** Like `startStore`, but building a store does not delay the other servers. */
export async function beginStore(options: ServerOptions): Promise<StartingStore> {
  const { home, env = process.env } = options
  const chosen = given('store', env) ? undefined : await chooseStore(home, { ...options, env })
  if (chosen && !chosen.atHand) return beginLater(chosen, options)
  const server = await startStore(options)
  return { env: server.env, started: Promise.resolve(server) }
}

async function beginLater({ kind }: ChosenStore, options: ServerOptions): Promise<StartingStore> {
  const { home, env = process.env } = options
  const host = hostOf(options)
  const keys = await storeKeys(join(home, kind))
  const port = (await choosePort({ home, name: 'store', host, variable: 'S3_PORT' }, env)).number
  const settings = storeSettings(`http://${host}:${port}`, env.S3_BUCKET || 'millrace', keys)
  const release = await holdPort(host, port)
  const fixed = { ...options, env: { ...env, S3_PORT: String(port) }, beforeListen: release }
  const started = starters[kind](fixed).finally(release)
  started.catch(() => undefined) // the caller awaits it later
  return { env: settings, started }
}
