import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { processRecords } from './process-records.ts'
import { sharedMemoryNow } from './shared-memory.ts'

/** Ensures that no process of a run outlives the agent, even when the agent is killed with SIGKILL. */
export type Watchdog = {
  /** A process with this marker is about to start. */
  expect(marker: string): void
  /** The process did not start. */
  unexpect(marker: string): void
  /** `pid` leads a process group; `marker` is the value of the variable that its whole tree carries. */
  watch(pid: number, marker?: string): void
  unwatch(pid: number): void
  /** Ends the watchdog; it kills the processes that it still watches. */
  close(): Promise<void>
}

const script = fileURLToPath(new URL('./watchdog-main.ts', import.meta.url))
const idleStartMs = 1000

/**
 * A small process that learns each process group over a pipe and kills them all at its end. It starts with
 * the first process, or a second after the agent if nothing runs by then, so that it delays no start.
 * Messages written before it reads wait in the pipe, even past the agent's death. The folder `records` lists
 * running processes in case both are killed.
 */
export function startWatchdog(records: string | null = null): Watchdog {
  const written = processRecords(records)
  const watched = new Map<number, { marker: string; before: readonly string[] }>()
  let child: ChildProcess | null = null
  let closed = false

  const tell = (line: string) => child?.stdin?.write(`${line}\n`)
  const tellOf = (pid: number) => {
    const { marker = '', before = [] } = watched.get(pid) ?? {}
    tell(`+${[pid, marker, ...before.map(encodeURIComponent)].join(' ')}`)
  }
  const start = () => {
    clearTimeout(timer)
    if (child || closed) return
    child = spawnWatchdog()
    child.once('exit', () => {
      child = null
      // The watchdog was killed. Without it a killed agent would leave processes behind.
      if (!closed) timer = setTimeout(start, idleStartMs).unref()
    })
    for (const pid of watched.keys()) tellOf(pid)
  }
  let timer = setTimeout(start, idleStartMs).unref()

  return {
    expect: written.expect,
    unexpect: written.ended,
    watch(pid, marker = '') {
      watched.set(pid, { marker, before: sharedMemoryNow() })
      if (marker !== '') written.began(marker, pid)
      if (child) tellOf(pid)
      else start()
    },
    unwatch(pid) {
      const marker = watched.get(pid)?.marker
      if (marker) written.ended(marker)
      if (watched.delete(pid)) tell(`-${pid}`)
    },
    async close() {
      closed = true
      clearTimeout(timer)
      const last = child
      if (!last) return
      last.ref()
      const gone = once(last, 'exit')
      last.stdin?.end()
      await gone
    },
  }
}

function spawnWatchdog(): ChildProcess {
  // A separate group, because Ctrl-C and a service manager's SIGTERM go to the agent's whole group.
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
    detached: process.platform !== 'win32',
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
    windowsHide: true,
  })
  child.unref()
  if (child.stdin instanceof Socket) child.stdin.unref()
  child.stdin?.on('error', ignoreBrokenPipe)
  child.on('error', ignoreBrokenPipe)
  return child
}

/** The exit of a watchdog starts another. */
function ignoreBrokenPipe(): void {}
