import { execFileSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive, type ProcessIdentity } from '@millrace/std/process'

export type Patience = {
  patienceMs: number
  /** Somebody will not wait any longer. */
  hurry?: AbortSignal
}

/** Asks the process group to end, and ends it when it has not after `patienceMs`. Safe on one that is gone. */
export async function end(one: ProcessIdentity, { patienceMs, hurry }: Patience): Promise<void> {
  if (!isAlive(one)) return
  signalGroup(one, 'SIGTERM')
  if (await isGoneWithin(one, patienceMs, hurry)) return
  signalGroup(one, 'SIGKILL')
  if (!(await isGoneWithin(one, 5000))) throw new Error(`process ${one.pid} does not end`)
}

async function isGoneWithin(one: ProcessIdentity, ms: number, hurry?: AbortSignal): Promise<boolean> {
  for (const deadline = Date.now() + ms; Date.now() < deadline && !hurry?.aborted; ) {
    if (!isAlive(one)) return true
    await delay(20)
  }
  return !isAlive(one)
}

/** Everything we start leads a group of its own; Windows has none, `taskkill` follows the tree there. */
function signalGroup(one: ProcessIdentity, signal: NodeJS.Signals): void {
  try {
    if (process.platform === 'win32') execFileSync('taskkill', ['/pid', String(one.pid), '/T', '/F'])
    else process.kill(-one.pid, signal)
  } catch (error) {
    if (isAlive(one)) throw error // gone in the meantime is what we wanted
  }
}
