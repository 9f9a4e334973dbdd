import { logOutput } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import { runObjectKey } from '../../objects/keys.ts'
import type { RunDoc } from '../../store/documents/run.ts'

/** The log first, the document last: what a crash leaves is found by it again. */
export async function removeRun(deps: Deps, run: RunDoc): Promise<void> {
  await removeLogObject(deps, run)
  await deps.store.runs.remove(run._id)
  deps.failpoint('retention.run-removed')
}

/** The log alone; the run says that it is gone. */
export async function removeLog(deps: Deps, run: RunDoc): Promise<void> {
  await removeLogObject(deps, run)
  await deps.store.runs.change(run, (current) =>
    current.archive === 'done' ? { ...current, archive: 'removed' } : null,
  )
}

async function removeLogObject(deps: Deps, run: RunDoc): Promise<void> {
  if (run.archive === 'removed') return
  await deps.objects.remove(runObjectKey(run._id, logOutput, 0))
  deps.failpoint('retention.log-removed')
}
