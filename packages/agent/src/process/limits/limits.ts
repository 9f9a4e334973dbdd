import type { TaskError } from '@millrace/shared/for-agents'

/** How much one run may use; a missing field means no limit. */
export type RunLimits = {
  /** Time without a line of output or progress. */
  silenceSeconds?: number
  /** Memory of all its processes together. */
  memoryBytes?: number
  /** Disk space of its folder, inputs included. */
  diskBytes?: number
  /** Size of the files in its output folder. */
  outputBytes?: number
  /** How long a quiet program may take to end after its result before the agent ends it; 0: no limit. */
  resultGraceSeconds?: number
}

type LimitKind = 'silence' | 'memory' | 'disk' | 'output'

/** A limit that a run exceeded: seconds of silence, else bytes. */
export type Overrun = { limit: LimitKind; allowed: number; found: number }

/** Whether the agent kills at once: a run over its memory or disk limit would use more during a graceful stop. */
export const isUrgent = ({ limit }: Overrun): boolean => limit !== 'silence'

/**
 * The error for an overrun. Silence may pass, so its task is retried; memory is retried once, alone. A module that writes too
 * much will do so again, so that is a bad output: final.
 */
export function errorOfOverrun(module: string, { limit, allowed, found }: Overrun): TaskError {
  switch (limit) {
    case 'silence':
      return {
        code: 'timed_out',
        message:
          `${module} printed nothing for ${allowed} s (RUN_SILENCE_SECONDS of the agent) and was stopped: ` +
          'print progress more often, or raise the limit',
        retryable: true,
        detail: { limit, allowed },
      }
    case 'memory':
      return {
        code: 'out_of_memory',
        message:
          `${module} and its children took ${megabytes(found)} of memory, more than the ${megabytes(allowed)} that a run ` +
          'may take (RUN_MEMORY_MB of the agent), and were stopped: process less at a time, or raise the limit',
        retryable: true,
        detail: { limit, allowed, found },
      }
    case 'disk':
      return {
        code: 'bad_output',
        message:
          `The folder of the run took ${megabytes(found)} of disk, more than the ${megabytes(allowed)} that a run may ` +
          `take (RUN_DISK_GB of the agent), and ${module} was stopped: remove temporary files during the run, or ` +
          'raise the limit',
        retryable: false,
        detail: { limit, allowed, found },
      }
    case 'output':
      return {
        code: 'bad_output',
        message:
          `The output folder has ${megabytes(found)}, more than the ${megabytes(allowed)} that a run may return ` +
          `(RUN_OUTPUT_GB of the agent): ${module} should write other files outside that folder, or ` +
          'raise the limit',
        retryable: false,
        detail: { limit, allowed, found },
      }
  }
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1024 / 1024)} MiB`
