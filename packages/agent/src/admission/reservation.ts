/** What one process of a module takes up: bytes of memory, and of one GPU's memory. */
export type Needs = { usesGpu: boolean; ramBytes: number; vramBytes: number }

/** Which processes can stand in for each other, of which module, and what one of them needs. */
export type ReservationRequest = { key: string; module: string; needs: Needs }

/**
 * `waiting` for room or for its turn to load · `loading` its model · `busy` with a run · `idle`, loaded and warm ·
 * `leaving`: ending, not gone yet.
 */
type ReservationState = 'waiting' | 'loading' | 'busy' | 'idle' | 'leaving'

/** Room that is promised to one process, from the grant that needs it until the process is gone. */
export type Reservation = {
  readonly id: number
  /** What it runs; processes with the same key can stand in for each other. */
  readonly key: string
  readonly module: string
  /** The configured worker it counts for, if any. */
  readonly worker: string | null
  readonly needs: Needs
  /** By uuid; `null` for a process without a GPU. */
  readonly gpu: string | null
  /** Wants the GPU for itself: it ran out of memory next to others. */
  readonly isAlone: boolean
  state: ReservationState
  /** Leads the process group, once it was started. */
  pid: number | null
  /** Most GPU memory that its process was seen to hold. */
  peakVramBytes: number | null
  /** Whether a run is done in it, or waits for it. */
  hasRun: boolean
}
