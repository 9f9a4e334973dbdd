import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sweepTemporary } from '../process/short-temporary.ts'
import { endOrphans } from '../process/stop/process-records.ts'
import { openSpool, type Spool, type SpooledRun } from '../report/spool.ts'
import { lockHome } from './home-lock.ts'
import { type Identity, readIdentity } from './identity.ts'
import { makePrivate } from './private-home.ts'

export type Home = {
  identity: Identity
  spool: Spool
  /** Results that an earlier process could not report. */
  unreported: SpooledRun[]
  runsDir: string
  /** The folder with the records of running processes. */
  processesDir: string
  /** Number of processes of an earlier agent that were still running. */
  orphansEnded: number
  release(): Promise<void>
}

/**
 * Opens the agent's folder for this process alone. Ends processes that earlier runs left, and removes their files unless
 * a spooled result needs them: those runs are lost, and the API retries their tasks. Throws `HomeInUse`.
 */
export async function openHome(home: string): Promise<Home> {
  makePrivate(home)
  const runsDir = join(home, 'runs')
  await mkdir(runsDir, { recursive: true, mode: 0o700 })
  const lock = await lockHome(home)
  try {
    const processesDir = join(home, 'processes')
    const orphansEnded = await endOrphans(processesDir)
    await sweepTemporary(home)
    await rm(join(home, 'warm'), { recursive: true, force: true })
    const identity = await readIdentity(home)
    const spool = await openSpool(join(home, 'spool'))
    const unreported = await spool.list()
    const needed = new Set<string>(unreported.map(({ run }) => run))
    for (const name of await readdir(runsDir))
      if (!needed.has(name)) await rm(join(runsDir, name), { recursive: true, force: true })
    return { identity, spool, unreported, runsDir, processesDir, orphansEnded, release: lock.release }
  } catch (error) {
    await lock.release()
    throw error
  }
}
