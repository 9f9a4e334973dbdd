import type { AgentRest } from '@millrace/shared/for-agents'
import { followSettings } from '../config/live-reload.ts'
import { Commands } from '../control-plane/commands.ts'
import { openLocalControl } from '../local/local-control.ts'
import { PauseController } from '../pause/pause-controller.ts'
import type { openWork, Parts } from './open-work.ts'
import { version } from './version.ts'

export type Controls = ReturnType<typeof openControls>
type Working = Parts & ReturnType<typeof openWork>

/** The controls for operators and the owner of the machine. */
export function openControls(parts: Working, args: readonly string[]) {
  const { config, signals, catalogue, runs, logger } = parts
  const pause = openPause(parts)
  const operatorWants = (wish: AgentRest | null) =>
    pause.set('operator', wish ? { ...wish, makesWay: false } : null)
  const commands = new Commands({
    ...{ signals, logger },
    cancel: (run) => runs.cancel(run),
    rest: (kind) => operatorWants(kind && { kind, note: null, until: null }),
    scan: () => void scan(parts),
    retry: (module) => catalogue.retry(module),
    test: (module) => catalogue.test(module),
  })
  const local = openLocal(parts, pause)
  const unfollow = followSettings(config, args, logger, () => {
    signals.settingsChanged.emit()
    signals.capacityChanged.emit()
  })
  return { pause, operatorWants, commands, local, unfollow }
}

function openPause({ config, signals, offering, ledger, runs, clock, logger }: Working): PauseController {
  return new PauseController({
    setAccepting: (accepting) => {
      offering.setAccepting(accepting)
      signals.capacityChanged.emit()
    },
    evictIdle: () => ledger.evictIdle(),
    handBack: () => runs.handBack(),
    drainSeconds: () => config.drainSeconds,
    ...{ now: clock.now, logger },
  })
}

function openLocal(parts: Working, pause: PauseController) {
  const { config, session, runs, held, unreported, ledger, warm, clock, logger } = parts
  return openLocalControl({
    ...{ config, version, warm, logger, rest: pause },
    agentId: () => session.agentId,
    runs: () => runs.ids(),
    counts: () => ({ runs: held.size, spooled: unreported.size }),
    gpus: () => ledger.describe(),
    clockOffsetSeconds: () => clock.offsetSeconds,
  })
}

/** Scans the modules folder and the workers file; logs a failure, after which the next scan may succeed. */
export async function scan({ programs, inventory, config, logger }: Working): Promise<void> {
  try {
    await programs.scan()
  } catch (err) {
    logger.error({ err, folder: config.modulesDir }, 'the modules folder could not be read')
  }
  // An inventory sent before the first scan would remove all modules.
  inventory.open()
}
