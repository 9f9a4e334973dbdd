import type { Gpu, RunId } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { keepOwnerPause } from '../pause/owner-pause.ts'
import type { PauseController, PauseWish } from '../pause/pause-controller.ts'
import type { WarmPool } from '../warm/warm-pool.ts'
import { openLocalServer } from './local-server.ts'
import { metricsOf } from './metrics.ts'

export type LocalControlDeps = {
  config: Config
  version: string
  agentId(): string | null
  runs(): RunId[]
  /** Current runs, and results that wait for their report. */
  counts(): { runs: number; spooled: number }
  rest: PauseController
  warm: WarmPool
  gpus(): Gpu[]
  clockOffsetSeconds(): number | null
  logger: Logger
}

/** The status and commands for the owner of the machine. */
export function openLocalControl(o: LocalControlDeps): Promise<{ close(): Promise<void> }> {
  const { config, rest, warm } = o
  const ownerWants = async (wish: PauseWish | null) => {
    await keepOwnerPause(config.home, wish)
    rest.set('owner', wish)
  }
  return openLocalServer({
    home: config.home,
    ...config.local,
    status: () => ({
      agentId: o.agentId(),
      version: o.version,
      pid: process.pid,
      url: config.url,
      rest: rest.all,
      runs: o.runs(),
      maxRuns: config.maxRuns,
      warm: warm.describe(),
      gpus: o.gpus(),
      clockOffsetSeconds: o.clockOffsetSeconds(),
    }),
    isHealthy: () => o.agentId() !== null,
    metrics: () =>
      metricsOf({
        ...o.counts(),
        maxRuns: config.maxRuns,
        warm: countBy(warm.describe().map(({ module }) => module)),
        gpus: o.gpus(),
        isResting: rest.all.length > 0,
        isConnected: o.agentId() !== null,
      }),
    pause: ({ finish, ...wish }) => ownerWants({ kind: 'paused', ...wish, makesWay: !finish }),
    drain: () => ownerWants({ kind: 'draining', note: null, until: null, makesWay: false }),
    resume: () => ownerWants(null),
    logger: o.logger,
  })
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
