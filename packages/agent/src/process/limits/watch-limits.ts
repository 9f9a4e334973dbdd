import { folderSize } from './folder-size.ts'
import type { Overrun, RunLimits } from './limits.ts'
import type { TreeMemory } from './usage.ts'

/** The folders where a run may write and which are measured. */
export type RunFolders = { folder: string; outputDir: string }

const everyMs = 1000
/** The largest share of the time that measuring many files may take. */
const mostOfTheTime = 1 / 20

/** Enforces the limits of a run; reports the first overrun only. */
export class LimitWatch {
  readonly #limits: RunLimits
  readonly #folders: RunFolders | undefined
  readonly #onOver: (overrun: Overrun) => void
  #overrun: Overrun | null = null
  #heardAt = performance.now()
  #timer: NodeJS.Timeout | undefined
  #silence: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()
  #ended = false

  constructor(limits: RunLimits, folders: RunFolders | undefined, onOver: (overrun: Overrun) => void) {
    this.#limits = limits
    this.#folders = folders
    this.#onOver = onOver
    if (limits.silenceSeconds) this.#listen(limits.silenceSeconds, limits.silenceSeconds * 1000)
    if (this.#measures) this.#lookIn(everyMs)
  }

  /** The run printed something. */
  heard(): void {
    this.#heardAt = performance.now()
  }

  memory(memory: TreeMemory): void {
    const { memoryBytes } = this.#limits
    // Shared pages count for each process that shares them, until the sum exceeds the limit.
    if (!memoryBytes || memory.residentBytes <= memoryBytes || this.#isOver) return
    this.#hold('memory', memoryBytes, memory.exactly())
  }

  /** The run exited; its folder is measured once more, because it may have written everything within a moment. */
  async end(): Promise<Overrun | null> {
    this.#ended = true
    clearTimeout(this.#timer)
    clearTimeout(this.#silence)
    await this.#looking
    if (!this.#isOver && this.#measures) await this.#look()
    return this.#overrun
  }

  get #measures(): boolean {
    return this.#folders !== undefined && Boolean(this.#limits.diskBytes || this.#limits.outputBytes)
  }

  get #isOver(): boolean {
    return this.#overrun !== null
  }

  #listen(seconds: number, ms: number): void {
    this.#silence = setTimeout(() => {
      const silent = performance.now() - this.#heardAt
      const left = seconds * 1000 - silent
      if (left > 1) this.#listen(seconds, left)
      else this.#over({ limit: 'silence', allowed: seconds, found: silent / 1000 })
    }, ms)
    this.#silence.unref()
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => {
      const startedAt = performance.now()
      this.#looking = this.#look().then(() => {
        const took = performance.now() - startedAt
        if (!this.#ended && !this.#isOver) this.#lookIn(Math.max(everyMs, took / mostOfTheTime))
      })
    }, ms)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    if (!this.#folders) return
    const { diskBytes, outputBytes } = this.#limits
    if (outputBytes) this.#hold('output', outputBytes, (await folderSize(this.#folders.outputDir)).bytes)
    if (diskBytes) this.#hold('disk', diskBytes, (await folderSize(this.#folders.folder)).onDisk)
  }

  #hold(limit: 'memory' | 'disk' | 'output', allowed: number, found: number): void {
    if (found > allowed) this.#over({ limit, allowed, found })
  }

  #over(overrun: Overrun): void {
    if (this.#isOver) return
    this.#overrun = overrun
    this.#onOver(overrun)
  }
}
