import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { openBus } from './bus/bus.ts'
import { turns } from './concurrency/turns.ts'
import type { Config } from './config.ts'
import type { Deps } from './deps.ts'
import { RefusedCallers } from './http/refused-callers.ts'
import { Meter } from './metrics/meter.ts'
import { openObjects } from './objects/objects.ts'
import { Shares } from './operations/queue/shares.ts'
import { resolveByDns } from './operations/webhooks/addresses.ts'
import { ObservedPeaks } from './process/observed-peaks.ts'
import { Replicas } from './process/replicas.ts'
import { openStore } from './store/store.ts'

/** Connects to the servers. None of them has to be there yet. */
export function openDeps(config: Config, logger: Logger): Deps {
  return {
    store: openStore(config.mongoUrl),
    objects: openObjects(config.objects),
    bus: openBus(config.nats, logger),
    clock: { now: () => new Date() },
    random: Math.random,
    turns,
    logger,
    failpoint(point) {
      if (point === config.crashAt) process.kill(process.pid, 'SIGKILL')
    },
    webhooks: { allowPrivate: config.webhooksMayBePrivate, resolve: resolveByDns },
    shares: new Shares(),
    meter: new Meter(),
    peaks: new ObservedPeaks(),
    replicas: new Replicas(randomUUID()),
    refused: new RefusedCallers(),
    storeSafety: { state: 'checking' },
    ending: new Map(),
    limits: config.limits,
    agentNats: config.agentNats,
  }
}
