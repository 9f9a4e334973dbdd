import { join } from 'node:path'
import { LearnedNeeds } from '../admission/learned-needs.ts'
import { Ledger } from '../admission/ledger.ts'
import { memoryNow } from '../machine/host.ts'
import { HeldRuns } from '../runs/held-runs.ts'
import { WarmPool } from '../warm/warm-pool.ts'
import type { Base } from './open-base.ts'
import type { Machine } from './open-machine.ts'

export type Admission = ReturnType<typeof openAdmission>

/** The holders of memory: the runs, the ledger of reservations, and the warm processes. */
export function openAdmission(base: Base, { gpus }: Machine) {
  const { config, signals, watchdog, threads, variables, secrets, logger, life } = base
  const held = new HeldRuns()
  const ledger = new Ledger({
    gpus,
    freeRuns: () => config.maxRuns - held.size,
    headroomBytes: () => config.gpuHeadroomBytes,
    ram: memoryNow,
    ...{ signals, logger, signal: life.signal },
  })
  const warm = new WarmPool({
    ...{ ledger, signals, watchdog, threads, variables, secrets, logger, signal: life.signal },
    limits: () => config.warm,
    memoryBytes: () => config.limits.memoryBytes ?? 0,
    folder: join(config.home, 'warm'),
    own: config.own,
  })
  return { held, ledger, warm, learned: new LearnedNeeds() }
}
