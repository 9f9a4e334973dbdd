import { accessSync, constants, existsSync, readFileSync } from 'node:fs'

/**
 * A number that every process of a run carries from birth, whatever it does to its environment, session or
 * parents: as its limit of file locks, which Linux hands down to each child and has not looked at since 2003.
 * It needs no rights and no folder of control groups, and everybody may read it.
 */
export function markOf(marker: string): string {
  return BigInt(`0x${marker.replaceAll('-', '').slice(0, 15)}`).toString()
}

/** The command that starts another under a mark; itself where marks cannot be given, and then nothing is lost but them. */
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

/** An agent that is marked itself, as a module would be, may not go above its own. */
function isUnlimited(): boolean {
  try {
    return /^Max file locks\s+unlimited\s+unlimited/m.test(readFileSync('/proc/self/limits', 'latin1'))
  } catch {
    return false // without /proc nothing could read the tags either
  }
}

/** What cannot be started shall say so itself, in the words of the system. */
function canBeStarted(command: string): boolean {
  if (!command.startsWith('/')) return false
  try {
    accessSync(command, constants.X_OK)
    return true
  } catch {
    return false
  }
}
