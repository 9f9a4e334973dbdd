import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { ApiPorts } from './api-ports.ts'
import { openBus } from './bus/bus.ts'
import { turns } from './concurrency/turns.ts'
import type { Config } from './config.ts'
import { RefusedCallers } from './http/refused-callers.ts'
import { openObjects } from './objects/objects.ts'
import { Shares } from './operations/queue/shares.ts'
import { resolveByDns } from './operations/webhooks/addresses.ts'
import { Meter } from './process/meter.ts'
import { ObservedPeaks } from './process/observed-peaks.ts'
import { Replicas } from './process/replicas.ts'
import { openStore } from './store/store.ts'

/** Connects to the servers. They may start later. */
export function openPorts(config: Config, logger: Logger): ApiPorts {
  return {
    store: openStore(config.mongoUrl),
    objects: openObjects(config.objects),
    bus: openBus(config.nats, logger),
    clock: { now: () => new Date() },
    random: Math.random,
    turns,
    logger,
    failpoint(name) {
      if (name === config.crashAt) process.kill(process.pid, 'SIGKILL')
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
