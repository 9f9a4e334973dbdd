import { execFileSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { leftovers, signalAll } from './leftovers.ts'

/**
 * The watchdog's own program (see watchdog.ts). Standard input tells `+<pid> <marker>` and `-<pid>`; its end
 * means that the agent has gone, whatever the way.
 */

const watched = new Map<number, string>()

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})

for await (const line of createInterface({ input: process.stdin })) {
  const [pid, marker] = line.slice(1).split(' ')
  if (line.startsWith('+')) watched.set(Number(pid), marker ?? '')
  else watched.delete(Number(pid))
}

if (process.platform === 'win32') for (const pid of watched.keys()) killTreeOnWindows(pid)
else await killAll()

async function killAll(): Promise<void> {
  // More than once: a process may fork between our look and our signal.
  for (let round = 0; round < 5; round += 1) {
    const left = [...watched].flatMap(([group, marker]) =>
      leftovers({ group, marker, longLived: marker !== '' }),
    )
    if (left.length === 0) return
    signalAll(left, 'SIGKILL')
    await delay(50)
  }
}

function killTreeOnWindows(pid: number): void {
  try {
    execFileSync('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore', windowsHide: true })
  } catch {
    // It had ended already; there is nobody left to tell.
    process.exitCode = 1
  }
}
