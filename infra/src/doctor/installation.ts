import { join } from 'node:path'
import { holderOf } from '@millrace/std/fs'
import { isFree } from '../home/port.ts'
import { readIfThere } from '../home/secret-file.ts'
import type { Settings } from '../supervise/settings.ts'
import { type Check, fine, note, problem } from './check.ts'

/** The port, the processes of this home, and the state of their servers. */
export function installationChecks({ home, host, port, url }: Settings): Check[] {
  return [
    async () => {
      const holder = await holderOf(join(home, 'run', 'api.lock'))
      if (holder) return fine('installation', `runs, pid ${holder.pid}, since ${holder.since}`)
      if (await isFree(port, host)) return fine('installation', `not running; port ${port} is free`)
      return problem(
        'installation',
        `port ${port} on ${host} is in use by another program`,
        'choose another with PORT=',
      )
    },
    async () => {
      const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) }).catch(
        () => undefined,
      )
      if (!answer) return []
      const states: Record<string, string> = await answer.json()
      return Object.entries(states).map(([name, state]) =>
        state === 'ok' || state === 'safe'
          ? fine(`/readyz ${name}`, state)
          : problem(`/readyz ${name}`, state, 'docs/troubleshooting.md'),
      )
    },
    async () => {
      const found = await readIfThere(join(home, 'admin-key'))
      return found ? fine('admin key', join(home, 'admin-key')) : note('admin key', 'made at the first start')
    },
  ]
}
