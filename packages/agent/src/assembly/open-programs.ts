import { type InventoryAnswer, type InventoryModule, moduleKey } from '@millrace/shared/for-agents'
import { Inventory } from '../control-plane/inventory.ts'
import { Withheld } from '../control-plane/withheld.ts'
import { openCatalogue } from '../modules/catalogue.ts'
import { Offering } from '../runs/offering.ts'
import { programsOf } from '../runs/programs.ts'
import { openWorkers } from '../workers/workers.ts'
import type { Connection } from './connect.ts'
import type { Admission } from './open-admission.ts'
import type { Base } from './open-base.ts'
import type { Machine } from './open-machine.ts'

export type Offered = ReturnType<typeof openPrograms>

/** The agent's programs, their report to the API, and its offers. */
export function openPrograms(base: Base, { gpus }: Machine, admission: Admission, connection: Connection) {
  const { signals, logger, life } = base
  const { ledger, learned, held, warm } = admission
  const { catalogue, workers } = openSources(base, { gpus, admission, connection })
  const programs = programsOf(catalogue, workers)
  const withheld = new Withheld(logger)
  const offering = new Offering({
    ...{ programs, ledger, learned, withheld, signals },
    runsOf: (worker) => held.countOf(worker),
    hasGpu: () => gpus.current.length > 0,
  })
  const onKnown = (answer: InventoryAnswer, modules: InventoryModule[]) => {
    programs.setEnabled(answer.modules)
    warm.retain(new Set(programs.available().map(moduleKey)))
    offering.apiKnows(answer, modules)
    signals.capacityChanged.emit()
  }
  const inventory = new Inventory({
    ...{ signals, onKnown, logger, signal: life.signal },
    modules: () => programs.inventory(),
    send: connection.calls.modules,
  })
  return { catalogue, programs, withheld, offering, inventory }
}

type Sources = { gpus: Machine['gpus']; admission: Admission; connection: Connection }

/** The modules folder and the workers file. */
function openSources(base: Base, { gpus, admission, connection }: Sources) {
  const { config, signals, variables, secrets, watchdog, logger } = base
  const { modulesDir, home, own, onlyModules: only, keeping, retestHours } = config
  const catalogue = openCatalogue({
    ...{ modulesDir, home, own, only, keeping, retestHours },
    ...{ signals, variables, secrets, watchdog, logger },
    gpus: () => gpus.known(),
    isInUse: (module) => admission.ledger.reservations.some(({ key }) => key === moduleKey(module)),
    now: connection.clock.now,
    onInstallLines: (module, digest, lines) => connection.installLogs.add(module, digest, lines),
  })
  const workers = openWorkers({ files: config.workersFiles, home, own, signals, logger })
  return { catalogue, workers }
}
