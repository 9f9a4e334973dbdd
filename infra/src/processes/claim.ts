import { join } from 'node:path'
import { holderOf, takeLock } from '@millrace/std/fs'
import type { ProcessIdentity } from '@millrace/std/process'
import { readIfThere, writeSecretFile } from '../home/secret-file.ts'
import { end } from './end.ts'

/** Another process runs this part of Millrace on the same home. */
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

export type Claim = { record(started: ProcessIdentity): Promise<void>; release(): Promise<void> }

/** One owner per part and home. Ends the processes that a killed owner left running before anything new starts. */
export async function claim(home: string, part: string, spokenOf = part): Promise<Claim> {
  const lock = await takeLock(lockFile(home, part))
  if ('heldBy' in lock) throw new AlreadyRunning(spokenOf, lock.heldBy.pid, lock.heldBy.since)
  const recordFile = join(home, 'run', `${part}.json`)
  const left = await readIfThere(recordFile)
  if (left) await end(parseIdentity(left), { patienceMs: 8000 })
  return {
    record: (started) => writeSecretFile(recordFile, JSON.stringify(started)),
    release: () => lock.release(),
  }
}

/** Throws early what `claim` would throw, before minutes of work or a less clear failure. */
export async function expectUnclaimed(home: string, part: string, spokenOf = part): Promise<void> {
  const holder = await holderOf(lockFile(home, part))
  if (holder) throw new AlreadyRunning(spokenOf, holder.pid, holder.since)
}

const lockFile = (home: string, part: string) => join(home, 'run', `${part}.lock`)

function parseIdentity(text: string): ProcessIdentity {
  const { pid, started }: { pid?: unknown; started?: unknown } = JSON.parse(text)
  if (typeof pid !== 'number' || typeof started !== 'string') throw new Error(`not a process record: ${text}`)
  return { pid, started }
}
