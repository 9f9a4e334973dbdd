import { chmodSync, mkdirSync, statSync } from 'node:fs'

const others = 0o077

/**
 * The agent's folder, for its owner alone from the first moment: results, inputs and its token lie there. One that is
 * there already is closed to others too, if it is ours to close.
 */
export function makePrivate(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  if (process.platform === 'win32') return // has no such modes: the folder of a user is that user's
  const { mode, uid } = statSync(home)
  if ((mode & others) !== 0 && uid === process.getuid?.()) chmodSync(home, mode & 0o700)
}
