import { parseRunId, RunId, type RunQuery, type RunStatus } from '@millrace/shared'
import { Failure } from '../../failure.ts'
import type { Filter, Sort } from '../../store/collection.ts'
import type { RunDoc } from '../../store/documents/run.ts'
import { cursorOf, idOfCursor } from '../cursor.ts'

/** The last run that a reader has. */
export type RunPosition = Pick<RunDoc, '_id' | 'startedAt'>

/**
 * The order of a list of runs, newest first: by task, and within a task by attempt, for `.10` comes before `.9` only as a
 * number. A list by time of start is in the order of the starts.
 */
export const runSort = (query: RunQuery): Sort =>
  isByStart(query) ? { startedAt: -1, _id: -1 } : { task: -1, attempt: -1 }

export function runFilter(query: RunQuery, after: RunPosition | undefined): Filter<RunDoc> {
  const unsettled: RunStatus[] = ['queued', 'running']
  const statuses = query.status && [...new Set([...query.status, ...unsettled])]
  return {
    ...(statuses ? { status: { $in: statuses } } : {}),
    ...(query.module ? { module: query.module } : {}),
    ...(query.agent ? { agentId: query.agent } : {}),
    ...(query.task ? { task: query.task } : {}),
    ...(isByStart(query) ? { startedAt: startedBetween(query) } : {}),
    ...(after ? { $or: isByStart(query) ? startedBefore(after) : olderThan(after._id) } : {}),
  }
}

const isByStart = ({ startedAfter, startedBefore }: RunQuery): boolean =>
  startedAfter !== undefined || startedBefore !== undefined

const startedBetween = (query: RunQuery) => ({
  ...(query.startedAfter ? { $gte: new Date(query.startedAfter) } : {}),
  ...(query.startedBefore ? { $lt: new Date(query.startedBefore) } : {}),
})

function olderThan(run: RunId): Filter<RunDoc>[] {
  const { task, attempt } = parseRunId(run)
  return [{ task: { $lt: task } }, { task, attempt: { $lt: attempt } }]
}

const startedBefore = ({ _id, startedAt }: RunPosition): Filter<RunDoc>[] => [
  { startedAt: { $lt: startedAt } },
  { startedAt, _id: { $lt: _id } },
]

/** The run, and in a list by start its time of start. */
export const cursorOfRun = (query: RunQuery, { _id, startedAt }: RunPosition): string =>
  cursorOf(isByStart(query) && startedAt ? `${_id}-${startedAt.getTime()}` : _id)

export function runOfCursor(query: RunQuery): RunPosition | undefined {
  const given = idOfCursor(query.cursor, 'tsk_')
  if (given === undefined) return undefined
  const [id, ms] = given.split('-')
  const run = RunId.safeParse(id)
  const startedAt = ms === undefined ? null : new Date(Number(ms))
  const isComplete = isByStart(query) ? startedAt !== null && !Number.isNaN(startedAt.getTime()) : true
  if (run.success && isComplete) return { _id: run.data, startedAt }
  throw new Failure('invalid_request', 'The cursor is not valid.', {
    errors: [{ path: '/cursor', message: 'is not a cursor of this list' }],
  })
}
