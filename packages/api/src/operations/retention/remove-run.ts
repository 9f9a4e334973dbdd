import { logOutput } from '@millrace/shared'
import { runObjectKey } from '../../objects/keys.ts'
import type { Ports } from '../../ports.ts'
import type { RunDoc } from '../../store/documents/run.ts'

/** The log first, the document last: what a crash leaves is found by it again. */
export async function removeRun(ports: Ports, run: RunDoc): Promise<void> {
  await removeLogObject(ports, run)
  await ports.store.runs.remove(run._id)
  ports.failpoint('retention.run-removed')
}

/** The log alone; the run says that it is gone. */
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
