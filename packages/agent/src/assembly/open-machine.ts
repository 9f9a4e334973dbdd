import { forgetConnections } from '../http/exchange.ts'
import { DiskSpace } from '../machine/disk-space.ts'
import { Gpus } from '../machine/gpu/gpus.ts'
import { SleepDetector } from '../machine/sleep-detector.ts'
import type { Base } from './open-base.ts'

export type Machine = ReturnType<typeof openMachine>

/** The monitors of the machine: GPUs, disk, sleep. */
export function openMachine({ config, signals, logger }: Base) {
  // The first subscriber, since retries of others must not use a dead connection.
  signals.machineWoke.subscribe('connections', forgetConnections)
  const { home, minFreeBytesForRuns: minFreeBytes } = config
  return {
    gpus: new Gpus(signals),
    disk: new DiskSpace({ home, minFreeBytes, signals, logger }),
    sleep: new SleepDetector(signals),
  }
}
