import { logOutput } from '@millrace/shared'
import { runObjectKey } from '../../objects/keys.ts'
import type { Ports } from '../../ports.ts'
import type { RunDoc } from '../../store/documents/run.ts'

/** Removes the log first and the document last, so that the tick finds the rest after a crash. */
export async function removeRun(ports: Ports, run: RunDoc): Promise<void> {
  await removeLogObject(ports, run)
  await ports.store.runs.remove(run._id)
  ports.failpoint('retention.run-removed')
}

/** Removes the log alone, and notes that in the run. */
export async function removeLog(ports: Ports, run: RunDoc): Promise<void> {
  await removeLogObject(ports, run)
  await ports.store.runs.change(run, (current) =>
    current.archive === 'done' ? { ...current, archive: 'removed' } : null,
  )
}

async function removeLogObject(ports: Ports, run: RunDoc): Promise<void> {
  if (run.archive === 'removed') return
  await ports.objects.remove(runObjectKey(run._id, logOutput, 0))
  ports.failpoint('retention.log-removed')
}
