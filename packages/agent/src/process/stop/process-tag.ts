import { accessSync, constants, existsSync, readFileSync } from 'node:fs'

/**
 * A number that every process of a run carries from birth, whatever it does to its environment, session or
 * parents: its limit of file locks, which Linux passes to each child and has not enforced since 2003.
 * It needs neither privileges nor a cgroup folder, and every user can read it.
 */
export function markOf(marker: string): string {
  return BigInt(`0x${marker.replaceAll('-', '').slice(0, 15)}`).toString()
}

/** The command that starts another with a tag; the command itself where tags are impossible, at no other cost. */
export function marked(command: string, args: string[], marker: string): [string, string[]] {
  if (!canMark() || !canBeStarted(command)) return [command, args]
  const mark = markOf(marker)
  return [prlimit, [`--locks=${mark}:${mark}`, '--', command, ...args]]
}

const prlimit = '/usr/bin/prlimit'

let able: boolean | undefined
function canMark(): boolean {
  able ??= process.platform === 'linux' && existsSync(prlimit) && isUnlimited()
  return able
}

/** An agent that has a tag itself, as a module would, cannot raise its own limit. */
function isUnlimited(): boolean {
  try {
    return /^Max file locks\s+unlimited\s+unlimited/m.test(readFileSync('/proc/self/limits', 'latin1'))
  } catch {
    return false // without /proc the agent could not read tags either
  }
}

/** A command that cannot start is started without prlimit, so that the error is the system's own. */
function canBeStarted(command: string): boolean {
  if (!command.startsWith('/')) return false
  try {
    accessSync(command, constants.X_OK)
    return true
  } catch {
    return false
  }
}
