import type { InventoryAnswer, Manifest, Needs as Peak } from '@millrace/shared/for-agents'
import type { Needs } from './reservation.ts'

/** What is promised beyond the highest peak that was seen. */
const reserve = 1.1

/** What modules were seen to need, here and, by what the registry says, anywhere. */
export class LearnedNeeds {
  readonly #peaks = new Map<string, Peak>()

  /** The registry's word. */
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

  /** What a module declares, or more where runs of it used more. */
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
