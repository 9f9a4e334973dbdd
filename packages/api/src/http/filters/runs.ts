import { parseRunId, RunId, type RunQuery, type RunStatus } from '@millrace/shared'
import { Failure } from '../../failure.ts'
import type { Filter } from '../../store/collection.ts'
import type { RunDoc } from '../../store/documents/run.ts'
import { idOfCursor } from '../cursor.ts'

/** The last run of a page: lists of runs are ordered by task, then by number. */
export function runOfCursor(cursor: string | undefined): RunId | undefined {
  const given = idOfCursor(cursor, 'tsk_')
  if (given === undefined) return undefined
  const run = RunId.safeParse(given)
  if (run.success) return run.data
  throw new Failure('invalid_request', 'The cursor is not valid.', {
    errors: [{ path: '/cursor', message: 'is not a cursor of this list' }],
  })
}

export function runFilter(query: RunQuery, after: RunId | undefined): Filter<RunDoc> {
  const unsettled: RunStatus[] = ['queued', 'running']
  const statuses = query.status && [...new Set([...query.status, ...unsettled])]
  return {
    ...(after ? olderThan(after) : {}),
    ...(statuses ? { status: { $in: statuses } } : {}),
    ...(query.module ? { module: query.module } : {}),
    ...(query.agent ? { agentId: query.agent } : {}),
    ...(query.task ? { task: query.task } : {}),
    ...(query.startedAfter || query.startedBefore
      ? {
          startedAt: {
            ...(query.startedAfter ? { $gte: new Date(query.startedAfter) } : {}),
            ...(query.startedBefore ? { $lt: new Date(query.startedBefore) } : {}),
          },
        }
      : {}),
  }
}

function olderThan(run: RunId): Filter<RunDoc> {
  const { task, attempt } = parseRunId(run)
  return { $or: [{ task: { $lt: task } }, { task, attempt: { $lt: attempt } }] }
}
