import { join } from 'node:path'
import { readIfThere, writeSecretFile } from '../home/secret-file.ts'
import { end } from '../processes/end.ts'
import type { Identity } from '../processes/identity.ts'
import { takeLock } from '../processes/lock.ts'
import type { ServerName } from './server.ts'

/** Another process runs this server on the same home. */
export class AlreadyRunning extends Error {
  override name = 'AlreadyRunning'
  readonly pid: number
  readonly since: string
  constructor(what: string, pid: number, since: string) {
    super(`millrace ${what} already run here: pid ${pid}, since ${since}`)
    this.pid = pid
    this.since = since
  }
}

/** One owner per server and home. What a killed owner left running is ended before anything new starts. */
export async function claimServer(home: string, name: ServerName) {
  const lock = await takeLock(join(home, 'run', `${name}.lock`))
  if ('heldBy' in lock) throw new AlreadyRunning('servers', lock.heldBy.pid, lock.heldBy.since)
  const recordFile = join(home, 'run', `${name}.json`)
  const left = await readIfThere(recordFile)
  if (left) await end(JSON.parse(left) as Identity, { patienceMs: 8000 })
  return {
    record: (identity: Identity) => writeSecretFile(recordFile, JSON.stringify(identity)),
    release: () => lock.release(),
  }
}
