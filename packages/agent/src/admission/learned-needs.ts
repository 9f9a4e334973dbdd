import type { InventoryAnswer, Manifest, Needs as Peak } from '@millrace/shared/for-agents'
import type { Needs } from './reservation.ts'

/** The margin above the highest measured peak. */
const reserve = 1.1

/** The measured needs of modules, on this machine and, from the registry, on all machines. */
export class LearnedNeeds {
  readonly #peaks = new Map<string, Peak>()

  /** Peaks from the registry. */
  learn(answer: InventoryAnswer): void {
    for (const [digest, peak] of Object.entries(answer.peaks ?? {})) this.note(digest, peak)
  }

  note(digest: string, peak: Partial<Peak>): void {
    const { ramBytes = 0, vramBytes = 0 } = this.#peaks.get(digest) ?? {}
    this.#peaks.set(digest, {
      ramBytes: Math.max(ramBytes, peak.ramBytes ?? 0),
      vramBytes: Math.max(vramBytes, peak.vramBytes ?? 0),
    })
  }

  /** The declared needs of a module, or its runs' peaks where they are higher. */
  needsOf(digest: string, { resources }: Manifest): Needs {
    const peak = this.#peaks.get(digest)
    const { usesGpu, minRamBytes, minVramBytes } = resources
    const vramBytes = Math.max(minVramBytes, Math.ceil((peak?.vramBytes ?? 0) * reserve))
    return {
      usesGpu,
      ramBytes: Math.max(minRamBytes, Math.ceil((peak?.ramBytes ?? 0) * reserve)),
      vramBytes: usesGpu ? vramBytes : 0,
    }
  }
}
