import { chmodSync, mkdirSync, statSync } from 'node:fs'

const others = 0o077

/**
 * Makes the agent's folder private to its owner from the start: it contains results, inputs and a token. An existing
 * folder becomes private too, if this user owns it.
 */
export function makePrivate(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  if (process.platform === 'win32') return // has no such modes: the folder of a user is that user's
  const { mode, uid } = statSync(home)
  if ((mode & others) !== 0 && uid === process.getuid?.()) chmodSync(home, mode & 0o700)
}
