import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process that cannot be mistaken for a later one with the same number. */
export type ProcessIdentity = { pid: number; started: string }

export function identify(pid: number): ProcessIdentity | undefined {
  const started = startOf(pid)
  return started === undefined ? undefined : { pid, started }
}

/** A zombie counts as dead: if its parent does not reap it, it keeps its id. */
export function isAlive({ pid, started }: ProcessIdentity): boolean {
  return startOf(pid) === started
}

function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') return startOnLinux(pid)
  try {
    return process.platform === 'win32' ? startOnWindows(pid) : startByPs(pid)
  } catch {
    return undefined // ps and PowerShell fail without such a process
  }
}

function startOnLinux(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`)
  if (!stat) return
  // The command is in parentheses and may contain anything, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return
  return `${read('/proc/sys/kernel/random/boot_id')?.trim()} ${fields[19]}`
}

function startByPs(pid: number): string | undefined {
  const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  return line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '') || undefined
}

function startOnWindows(pid: number): string | undefined {
  const command = `(Get-Process -Id ${pid} -ErrorAction Stop).StartTime.Ticks`
  return (
    execFileSync('powershell', ['-NoProfile', '-Command', command], { encoding: 'utf8' }).trim() || undefined
  )
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined // gone
  }
}
