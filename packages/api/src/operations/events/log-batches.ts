import type { LogLine } from '@millrace/shared'
import { Failure } from '../../failure.ts'

/** A message in NATS may have 1 MiB. */
const batchBytes = 512 * 1024

/** A NATS message holds 1 MiB; a request may bring many times that. */
export function inBatches(lines: readonly LogLine[]): LogLine[][] {
  const batches: LogLine[][] = [[]]
  let bytes = 0
  for (const line of lines) {
    const size = refuseLongLine(line)
    if (bytes > 0 && bytes + size > batchBytes) {
      batches.push([])
      bytes = 0
    }
    batches.at(-1)?.push(line)
    bytes += size
  }
  return batches
}

/** Returns the size of a line that one message can carry. */
export function refuseLongLine(line: LogLine): number {
  const size = Buffer.byteLength(JSON.stringify(line))
  if (size > batchBytes) throw new Failure('payload_too_large', 'A log line exceeds 512 KiB. Shorten it.')
  return size
}
