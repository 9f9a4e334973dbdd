import { statfs } from 'node:fs/promises'
import { sleep } from '@millrace/std/time'
import type { Logger } from 'pino'
import type { AgentSignals } from '../signals/agent-signals.ts'

export type DiskSpaceDeps = {
  home: string
  minFreeBytes: number
  signals: Pick<AgentSignals, 'diskSpaceChanged' | 'capacityChanged' | 'runEnded'>
  logger: Logger
}

const everyMs = 2000
/** Free space must exceed the limit by this factor before the disk counts as free again; avoids flapping. */
const enoughAgain = 1.05

/** Whether the disk of the agent's folder has room for another run: its inputs, its outputs and its result. */
export class DiskSpace {
  readonly #deps: DiskSpaceDeps
  #isLow = false

  constructor(deps: DiskSpaceDeps) {
    this.#deps = deps
    deps.signals.runEnded.subscribe('disk space', () => void this.look())
  }

  get isLow(): boolean {
    return this.#isLow
  }

  /** Reads the free space now. A failed reading changes nothing. */
  async look(): Promise<void> {
    const { home, minFreeBytes, signals, logger } = this.#deps
    const free = await freeBytes(home).catch((err: unknown) => {
      logger.debug({ err, home }, 'reading the free disk space failed')
      return null
    })
    const isLow =
      free === null ? this.#isLow : free < (this.#isLow ? minFreeBytes * enoughAgain : minFreeBytes)
    if (isLow === this.#isLow) return
    this.#isLow = isLow
    const facts = { home, freeBytes: free, minFreeBytes }
    if (isLow) logger.warn(facts, 'the disk is nearly full; claiming stopped')
    else logger.info(facts, 'the disk has room again; claiming resumed')
    signals.diskSpaceChanged.emit({ isLow })
    signals.capacityChanged.emit()
  }

  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look()
      await sleep(everyMs, signal)
    }
  }
}

async function freeBytes(home: string): Promise<number> {
  const { bavail, bsize } = await statfs(home)
  return bavail * bsize
}
