import type { Deps } from '../deps.ts'
import type { RunEnd, TaskDoc } from '../store/documents.ts'

/** Writes how a run ended, once; a run that already says so stays as it is. */
export async function endRun(
  deps: Deps,
  run: string,
  end: RunEnd,
  nextRun: TaskDoc['currentRun'],
): Promise<void> {
  await deps.store.runs.change(run, (doc) => {
    if (doc.finishedAt && doc.status === end.status) return null
    const archive = end.log ? 'done' : doc.agentId ? 'due' : 'none'
    return { ...doc, ...end, nextRun: nextRun ?? doc.nextRun, archive }
  })
}

export async function cancelWaitingRun(deps: Deps, run: string, at: Date): Promise<void> {
  await deps.store.runs.change(run, (doc) =>
    doc.status === 'queued' ? { ...doc, status: 'cancelled', finishedAt: at } : null,
  )
}
