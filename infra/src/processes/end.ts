import { execFileSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive, type ProcessIdentity } from '@millrace/std/process'

export type Patience = {
  patienceMs: number
  /** Aborted: kill the process without waiting any longer. */
  hurry?: AbortSignal
}

/** Sends SIGTERM to the process group, and SIGKILL after `patienceMs`. Safe on a process that is gone. */
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

/** Every process that we start leads a separate group; Windows has none, so `taskkill` follows the tree there. */
function signalGroup(one: ProcessIdentity, signal: NodeJS.Signals): void {
  try {
    if (process.platform === 'win32') execFileSync('taskkill', ['/pid', String(one.pid), '/T', '/F'])
    else process.kill(-one.pid, signal)
  } catch (error) {
    if (isAlive(one)) throw error // otherwise it ended in the meantime
  }
}
