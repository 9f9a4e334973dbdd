import type { RunId } from '@millrace/shared/for-agents'
import { InstallLogs } from '../control-plane/install-logs.ts'
import { openControlPlane } from '../control-plane/open-control-plane.ts'
import type { SessionDenied } from '../control-plane/session.ts'
import { writeIdentity } from '../home/identity.ts'
import { describePlatform } from '../machine/host.ts'
import { Reporter } from '../report/reporter.ts'
import type { Admission } from './open-admission.ts'
import type { Base } from './open-base.ts'
import type { Machine } from './open-machine.ts'
import { version } from './version.ts'

export type Connection = ReturnType<typeof connect>

/** The API under this process's session, and the reporters of results and install logs. */
export function connect(base: Base, { gpus }: Machine, { held }: Admission) {
  const { config, home, signals, logger, life } = base
  const shared = { signals, logger, signal: life.signal }
  const unreported = new Set<RunId>()
  const denied = Promise.withResolvers<SessionDenied>()
  const { clock, session, calls } = openControlPlane({
    ...shared,
    ...{ url: config.url, key: config.key, identity: home.identity },
    keep: (identity) => writeIdentity(config.home, identity),
    describe: () => ({
      ...{ signsLines: true, version, name: config.name, capacity: config.maxRuns },
      platform: describePlatform(),
      gpus: gpus.current,
    }),
    heldRuns: () => [...new Set([...held.keys(), ...unreported])],
    onDenied: denied.resolve,
  })
  const reporter = new Reporter({
    ...{ ...shared, ...calls, unreported, spool: home.spool, runsDir: home.runsDir },
  })
  const installLogs = new InstallLogs({ send: calls.installLog, logger, signal: life.signal })
  return { clock, session, calls, reporter, unreported, installLogs, denied: denied.promise }
}
