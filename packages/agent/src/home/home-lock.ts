import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ifExists, takeLock } from '@millrace/std/fs'
import { identify } from '@millrace/std/process'

/** Another live process uses this home. */
export class HomeInUse extends Error {
  constructor(home: string, pid: number) {
    super(`another agent (process ${pid}) uses ${home}; give this one its own AGENT_HOME`)
  }
}

/** Locks the home against a second agent until released; takes over the lock of a dead process. */
export async function lockHome(home: string): Promise<{ release(): Promise<void> }> {
  const file = join(home, 'agent.lock')
  const old = await holderOfOldLock(file)
  if (old !== null) throw new HomeInUse(home, old)
  const lock = await takeLock(file)
  if ('heldBy' in lock) throw new HomeInUse(home, lock.heldBy.pid)
  return lock
}

/** Earlier versions wrote another format; a live process of them keeps the home. */
async function holderOfOldLock(file: string): Promise<number | null> {
  const text = await ifExists(readFile(file, 'utf8'))
  const [, pid = '', startTime = ''] = /^\{"pid":(\d+),"startTime":"?([^"}]*)/.exec(text ?? '') ?? []
  const running = pid === '' ? undefined : identify(Number(pid))
  const isSame = process.platform !== 'linux' || running?.started.endsWith(` ${startTime}`)
  return running && isSame ? running.pid : null
}
