/** The needs of one process of a module: bytes of RAM, and of one GPU's memory. */
export type Needs = { usesGpu: boolean; ramBytes: number; vramBytes: number }

/** The key of interchangeable processes, their module, and the needs of one. */
export type ReservationRequest = { key: string; module: string; needs: Needs }

/**
 * `waiting` for room or for its turn to load · `loading` its model · `busy` with a run · `idle`, loaded and warm ·
 * `leaving`: ending, but still alive.
 */
type ReservationState = 'waiting' | 'loading' | 'busy' | 'idle' | 'leaving'

/** Memory promised to one process, from the claim that needs it until the process has ended. */
export type Reservation = {
  readonly id: number
  /** Processes with the same key are interchangeable. */
  readonly key: string
  readonly module: string
  /** The configured worker to which it counts, if any. */
  readonly worker: string | null
  readonly needs: Needs
  /** By uuid; `null` for a process without a GPU. */
  readonly gpu: string | null
  /** Needs the GPU exclusively, since it ran out of memory next to others. */
  readonly isAlone: boolean
  state: ReservationState
  /** The leader of the process group, once started. */
  pid: number | null
  /** The highest measured GPU memory of its process. */
  peakVramBytes: number | null
  /** Whether a run uses it or waits for it. */
  hasRun: boolean
}
