import type { FinishReport, Needs } from '@millrace/shared'
import { inBackground } from '../concurrency/in-background.ts'
import type { Ports } from '../ports.ts'
import type { TaskDoc } from '../store/documents/task.ts'

/** A run that ran out of memory counts with this factor of its usage. */
const moreAfterOutOfMemory = 1.25
/** The newest contents of a module whose peaks are kept. */
const remembered = 10
const megabyte = 1024 * 1024

/** The peak memory of runs, by the digest of the module. This process remembers it; the registry keeps it. */
export class ObservedPeaks {
  readonly #known = new Map<string, Needs>()

  /** Notes the usage of a run. Writes the module's document only when it used more than any run before. */
  note(ports: Ports, task: TaskDoc, report: FinishReport): void {
    const { ranDigest: digest, module } = task
    const used = usedBy(report)
    if (digest === null || !used || isWithin(used, this.#known.get(digest))) return
    inBackground(ports, 'writing the peak memory of a module', this.#write(ports, module, digest, used))
  }

  async #write(ports: Ports, module: string, digest: string, used: Needs): Promise<void> {
    const found = await ports.store.modules.get(module)
    const before = found?.peaks.find((one) => one.digest === digest)
    this.#known.set(digest, most(used, before))
    if (!found || isWithin(used, before)) return
    await ports.store.modules.change(found, (doc) => {
      const own = doc.peaks.find((one) => one.digest === digest)
      const others = doc.peaks.filter((one) => one.digest !== digest)
      return { ...doc, peaks: [{ digest, ...most(used, own) }, ...others].slice(0, remembered) }
    })
  }
}

function usedBy({ usage, error }: FinishReport): Needs | null {
  if (!usage?.peakRamBytes && !usage?.peakVramBytes) return null
  const factor = error?.code === 'out_of_memory' ? moreAfterOutOfMemory : 1
  return {
    ramBytes: Math.ceil((usage.peakRamBytes ?? 0) * factor),
    vramBytes: Math.ceil((usage.peakVramBytes ?? 0) * factor),
  }
}

/** Small growth is not worth a write: agents reserve more than the peak anyway. */
const isWithin = (used: Needs, known: Needs | undefined): boolean =>
  known !== undefined &&
  used.ramBytes <= known.ramBytes * 1.02 + megabyte &&
  used.vramBytes <= known.vramBytes * 1.02 + megabyte

const most = (used: Needs, known: Needs | undefined): Needs => ({
  ramBytes: Math.max(used.ramBytes, known?.ramBytes ?? 0),
  vramBytes: Math.max(used.vramBytes, known?.vramBytes ?? 0),
})
