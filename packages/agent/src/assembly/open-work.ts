import type { Progress, RunId } from '@millrace/shared/for-agents'
import type { Reservation } from '../admission/reservation.ts'
import { SessionDenied } from '../control-plane/session.ts'
import { ApiRefused } from '../http/failures.ts'
import { RunLog } from '../report/run-log.ts'
import type { SpooledRun } from '../report/spool.ts'
import { executeWithRoom } from '../runs/execute.ts'
import { runAssignment } from '../runs/run-assignment.ts'
import { Runs } from '../runs/runs.ts'
import { openTransport, type Transport } from '../transport/transports.ts'
import type { Connection } from './connect.ts'
import type { Admission } from './open-admission.ts'
import type { Base } from './open-base.ts'
import type { Machine } from './open-machine.ts'
import type { Offered } from './open-programs.ts'

export type Parts = Base & Machine & Admission & Connection & Offered

/** The transport of work, and the runs. */
export function openWork(parts: Parts) {
  const { config, signals, calls, disk, offering, logger, life } = parts
  const transport = openTransport(config.queue, {
    ...{ signals, logger, signal: life.signal, name: config.name },
    offers: () => (disk.isLow ? [] : offering.offers()),
    ask: calls.claim,
    isDefinite: (error) => error instanceof ApiRefused || error instanceof SessionDenied,
    sendLines: calls.logs,
  })
  return { transport, runs: openRuns(parts, transport) }
}

function openRuns(parts: Parts, transport: Transport): Runs {
  const { config, home, signals, logger, held, unreported, ledger, warm, learned } = parts
  const { reporter, offering, session, clock } = parts
  const { watchdog, threads, variables, secrets, programs } = parts
  const deps = {
    ...{ watchdog, threads, variables, secrets, logger, limits: config.limits, own: config.own },
    runsDir: home.runsDir,
    find: programs.find,
    openLog: openLogOf(parts, transport),
    onProgress: (run: RunId, progress: Progress) => runs.progress(run, progress),
    execute: executeWithRoom({ ledger, warm }),
    agentId: () => session.agentId,
    now: clock.now,
    report: (result: SpooledRun, digest: string) => {
      learned.note(digest, peakOf(result))
      return reporter.report(result)
    },
    release: (reservation: Reservation) =>
      warm.keeps(reservation) ? warm.giveBack(reservation) : ledger.release(reservation),
  }
  const runs: Runs = new Runs({
    ...{ held, unreported, signals, logger },
    reserve: (grant) => offering.reservation(grant),
    run: (assigned, stop) => runAssignment(deps, assigned, stop),
    drop: (run) => reporter.drop(run),
  })
  return runs
}

const openLogOf =
  ({ clock, session, logger }: Parts, transport: Transport) =>
  (run: RunId, path: string): RunLog =>
    new RunLog({
      ...{ path, logger, now: clock.now, isOpen: transport.isOpen },
      publish: (batch) => transport.publishLog(run, { ...batch, instance: session.instanceId }),
    })

const peakOf = ({ usage }: SpooledRun) => ({
  ramBytes: usage?.peakRamBytes ?? undefined,
  vramBytes: usage?.peakVramBytes ?? undefined,
})
