import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { identify } from '@millrace/std/process'

/** Ends the watched processes when this one dies. Lower orders end first; the database has the highest. */
export type Watchdog = {
  watch(pid: number, order: number, patienceMs?: number): void
  forget(pid: number): void
  close(): void
}

export function startWatchdog(): Watchdog {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./watchdog-main.ts', import.meta.url))], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: process.platform !== 'win32', // a signal to our group must not reach it
    windowsHide: true,
    env: {},
  })
  child.unref()
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  // If the watchdog is killed, the next start finds its processes by the files in `run`.
  child.stdin.on('error', () => undefined)

  return {
    watch(pid, order, patienceMs = 5000) {
      const started = identify(pid)?.started
      if (started !== undefined) child.stdin.write(`+ ${order} ${patienceMs} ${pid} ${started}\n`)
    },
    forget: (pid) => void child.stdin.write(`- ${pid}\n`),
    close: () => void child.stdin.end(),
  }
}
