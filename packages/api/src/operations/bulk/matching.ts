import type { TaskFilter } from '@millrace/shared'
import type { Filter } from '../../store/collection.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { escapeRegex } from '../../store/prefix.ts'

/** Tasks that match all filters. */
export function matching({ ids, status, module, tag, label, ...created }: TaskFilter): Filter<TaskDoc> {
  const statuses = [status ?? []].flat()
  return {
    ...(ids ? { _id: { $in: ids } } : {}),
    ...(statuses.length > 0 ? { status: statuses.length === 1 ? statuses[0] : { $in: statuses } } : {}),
    ...(module ? { module } : {}),
    ...(tag ? { tags: tag } : {}),
    ...(label ? { label: { $regex: `^${escapeRegex(label)}` } } : {}),
    ...createdBetween(created),
  }
}

/** A task whose own attempts are used up. Retrying it also revives the tasks that were skipped because of it. */
export const deadLetter = { status: 'failed', 'error.code': { $ne: 'upstream_failed' } } as const

function createdBetween({
  createdAfter,
  createdBefore,
}: Pick<TaskFilter, 'createdAfter' | 'createdBefore'>): Filter<TaskDoc> {
  const from = createdAfter && { $gte: new Date(createdAfter) }
  const to = createdBefore && { $lt: new Date(createdBefore) }
  return from || to ? { createdAt: { ...from, ...to } } : {}
}
