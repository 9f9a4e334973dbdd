import { execFileSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { processTree, signalAll } from './process-tree.ts'
import { type SharedMemory, watchSharedMemory } from './shared-memory.ts'

/**
 * The watchdog's own program (see watchdog.ts). Standard input carries `+<pid> <marker>`, followed by the names of shared memory that
 * existed before, and `-<pid>`. Its end means that the agent has gone for whatever reason.
 */

const watched = new Map<number, { marker: string; shared: SharedMemory }>()

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})

for await (const line of createInterface({ input: process.stdin })) {
  const [pid, marker = '', ...before] = line.slice(1).split(' ')
  if (line.startsWith('+'))
    watched.set(Number(pid), { marker, shared: watchSharedMemory(undefined, before.map(decodeURIComponent)) })
  else watched.delete(Number(pid))
}

if (process.platform === 'win32') for (const pid of watched.keys()) killTreeOnWindows(pid)
else await killAll()

async function killAll(): Promise<void> {
  // More than once: a process may fork between the look and the signal.
  for (let round = 0; round < 5; round += 1) {
    const left = [...watched].flatMap(([group, { marker, shared }]) => {
      const ids = processTree({ group, marker, longLived: marker !== '' })
      shared.look(ids)
      return ids
    })
    if (left.length === 0) break
    signalAll(left, 'SIGKILL')
    await delay(50)
  }
  for (const { shared } of watched.values()) await shared.end()
}

function killTreeOnWindows(pid: number): void {
  try {
    execFileSync('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore', windowsHide: true })
  } catch {
    // It had already ended; nothing is left to notify.
    process.exitCode = 1
  }
}
