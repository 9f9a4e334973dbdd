import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { ifExists } from '@millrace/std/fs'
import { sleep } from '@millrace/std/time'
import { HomeInUse, lockHome } from '../home/home-lock.ts'
import { completeMarker } from '../modules/install/environment.ts'
import { sweepTemporary } from '../process/short-temporary.ts'

const lookMs = 200
const unusedMs = 30 * 24 * 3600 * 1000

/**
 * Opens the folder of checks for one check alone; a second check waits. Removes what the previous check left, and
 * environments that no check has used for 30 days. Rejects when the signal is aborted.
 */
export async function openCheckHome(
  home: string,
  o: { signal: AbortSignal; onWaiting(): void },
): Promise<{ release(): Promise<void> }> {
  await mkdir(home, { recursive: true, mode: 0o700 })
  const lock = await lockInTurn(home, o)
  for (const name of ['modules', 'tests', 'runs', 'install-logs'])
    await rm(join(home, name), { recursive: true, force: true, maxRetries: 2 })
  await sweepTemporary(home)
  await removeUnused(join(home, 'envs'))
  return lock
}

/** Records the time of its last use. */
export async function markUsed(environment: string): Promise<void> {
  const now = new Date()
  await utimes(join(environment, completeMarker), now, now)
}

async function lockInTurn(
  home: string,
  o: { signal: AbortSignal; onWaiting(): void },
): Promise<{ release(): Promise<void> }> {
  for (let isAnnounced = false; ; isAnnounced = true) {
    o.signal.throwIfAborted()
    try {
      return await lockHome(home)
    } catch (error) {
      if (!(error instanceof HomeInUse)) throw error
      if (!isAnnounced) o.onWaiting()
    }
    await sleep(lookMs, o.signal)
  }
}

async function removeUnused(envs: string): Promise<void> {
  await mkdir(envs, { recursive: true })
  for (const name of await readdir(envs)) {
    const environment = join(envs, name)
    const usedAt = await ifExists(stat(join(environment, completeMarker)))
    if (usedAt && Date.now() - usedAt.mtimeMs < unusedMs) continue
    await rm(environment, { recursive: true, force: true, maxRetries: 2 })
  }
}
