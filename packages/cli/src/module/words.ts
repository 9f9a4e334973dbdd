import { homedir } from 'node:os'
import { relative, sep } from 'node:path'

/** `0.3 s`, and from a minute on `2 min 05 s`. */
export function seconds(passed: number): string {
  if (passed < 59.95) return `${passed.toFixed(1)} s`
  const whole = Math.round(passed)
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
}

/** `812 bytes`, `4.1 KiB`, `12.0 MiB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}

/** A path as a person would write it: from the working directory, or from home. */
export function shortPath(path: string): string {
  const way = relative(process.cwd(), path)
  if (way !== '' && !way.startsWith('..')) return way
  const home = homedir()
  return path.startsWith(`${home}${sep}`) ? `~${path.slice(home.length)}` : path
}

/** A command that can be typed. */
export const commandLine = (args: readonly string[]): string =>
  args
    .map((arg) => (arg.startsWith('/') ? shortPath(arg) : arg))
    .map((arg) => (/^[\w@%+=:,./~-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`))
    .join(' ')
