import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hasCode } from './if-exists.ts'

/** A process that cannot be mistaken for a later one with the same number. */
export type ProcessIdentity = { pid: number; started: string }

export function identify(pid: number): ProcessIdentity | undefined {
  const started = startOf(pid)
  return started === undefined ? undefined : { pid, started }
}

/**
 * A zombie counts as dead: if its parent does not reap it, it keeps its id. Where the system does not say when a process
 * started, such as that of another user on Windows, a process with the id counts as this one.
 */
export function isAlive({ pid, started }: ProcessIdentity): boolean {
  const now = startOf(pid)
  if (process.platform === 'linux' || (now !== undefined && started !== '')) return now === started
  return isThere(pid)
}

function isThere(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
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
  // The same text in every language and time zone.
  const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }
  const line = said('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], env)
  return line.startsWith('Z') ? 'zombie' : line.replace(/^\S+\s+/, '') || undefined
}

function startOnWindows(pid: number): string | undefined {
  const command = `(Get-Process -Id ${pid} -ErrorAction Stop).StartTime.Ticks`
  return said('powershell', ['-NoProfile', '-Command', command]) || undefined
}

const said = (program: string, args: string[], env = process.env): string =>
  execFileSync(program, args, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    windowsHide: true,
  }).trim()

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined // gone
  }
}
