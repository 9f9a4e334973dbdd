import type { FinishReport, OutputFile, RunId } from '@millrace/shared'
import { Failure, mostFaults } from '../../failure.ts'
import { runObjectKey } from '../../objects/keys.ts'
import { pointer } from '../../pointer.ts'
import type { Ports } from '../../ports.ts'
import type { StoredOutput, TaskDoc } from '../../store/documents/task.ts'

const inlineResultsLimit = 8 * 1024 * 1024

/** Throws unless each reported file is in the store with its size and checksum; the agent then uploads it again. */
export async function verifyOutputs(
  ports: Ports,
  task: TaskDoc,
  run: RunId,
  report: FinishReport,
): Promise<void> {
  const unknown = Object.keys(report.result)
    .filter((key) => !Object.hasOwn(task.outputs, key))
    .slice(0, mostFaults)
  if (unknown.length > 0) {
    const errors = unknown.map((key) => ({
      path: pointer(['result', key]),
      message: 'is not an output of this task',
    }))
    throw new Failure('invalid_request', `The task has no output ${unknown.join(', ')}.`, { errors })
  }
  for (const file of filesOf(report)) {
    const stored = await ports.objects.head(runObjectKey(run, file.output, file.n))
    const there =
      stored && stored.size === file.size && (stored.sha256 === null || stored.sha256 === file.sha256)
    if (!there)
      throw new Failure(
        'upload_incomplete',
        `Output "${file.output}" (${file.n}) is not in the store as reported; upload it again.`,
      )
  }
}

function filesOf(report: FinishReport): OutputFile[] {
  return Object.values(report.result).flatMap((output) =>
    'file' in output ? [output.file] : 'files' in output ? output.files : [],
  )
}

/** The result as the task document keeps it. Values are bounded, so that the document stays below its limit. */
export function storeResult(task: TaskDoc, report: FinishReport): Record<string, StoredOutput> {
  const result = Object.fromEntries(
    Object.entries(report.result).map(([key, output]): [string, StoredOutput] => [
      key,
      'value' in output ? { json: JSON.stringify(output.value) } : output,
    ]),
  )
  const bytes = Object.values(result).reduce(
    (sum, output) => sum + ('json' in output ? Buffer.byteLength(output.json) : 0),
    0,
  )
  if (bytes > inlineResultsLimit) {
    throw new Failure(
      'invalid_request',
      `Task ${task._id}: inline results together may be 8 MiB; report larger ones as files.`,
    )
  }
  return result
}
