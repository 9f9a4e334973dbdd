import type { TaskError } from '@millrace/shared/for-agents'

/** How much one run may take; what is left out has no limit. */
export type RunLimits = {
  /** Without a line of output or progress. */
  silenceSeconds?: number
  /** Of all its processes together. */
  memoryBytes?: number
  /** What its folder takes, inputs included. */
  diskBytes?: number
  /** The files in its output folder. */
  outputBytes?: number
  /** How long it may be quiet and not end after its result, before the agent ends it; 0: as long as it likes. */
  resultGraceSeconds?: number
}

type LimitKind = 'silence' | 'memory' | 'disk' | 'output'

/** A limit that a run went over: seconds of silence, else bytes. */
export type Overrun = { limit: LimitKind; allowed: number; found: number }

/** Whether it may go on while it is asked to end: what eats memory or disk eats on meanwhile. */
export const isUrgent = ({ limit }: Overrun): boolean => limit !== 'silence'

/**
 * Which failure an overrun is. Silence is time, and may pass; memory is tried once more, alone. Who writes more than
 * it may will do so again, so that is an output which cannot be taken: final.
 */
export function errorOfOverrun(module: string, { limit, allowed, found }: Overrun): TaskError {
  switch (limit) {
    case 'silence':
      return {
        code: 'timed_out',
        message:
          `${module} gave no sign of life for ${allowed} s (RUN_SILENCE_SECONDS of the agent) and was stopped: ` +
          'it should print progress more often, or the agent allow longer silence',
        retryable: true,
        detail: { limit, allowed },
      }
    case 'memory':
      return {
        code: 'out_of_memory',
        message:
          `${module} and its children took ${megabytes(found)} of memory, more than the ${megabytes(allowed)} that a run ` +
          'may take (RUN_MEMORY_MB of the agent), and were stopped: give it less at once, or raise the limit',
        retryable: true,
        detail: { limit, allowed, found },
      }
    case 'disk':
      return {
        code: 'bad_output',
        message:
          `The folder of the run took ${megabytes(found)} of disk, more than the ${megabytes(allowed)} that a run may ` +
          `take (RUN_DISK_GB of the agent), and ${module} was stopped: it should remove temporary files as it goes, or ` +
          'the limit be raised',
        retryable: false,
        detail: { limit, allowed, found },
      }
    case 'output':
      return {
        code: 'bad_output',
        message:
          `The output folder has ${megabytes(found)}, more than the ${megabytes(allowed)} that a run may return ` +
          `(RUN_OUTPUT_GB of the agent): ${module} should write what is not an output outside that folder, or the limit ` +
          'be raised',
        retryable: false,
        detail: { limit, allowed, found },
      }
  }
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1024 / 1024)} MiB`
