import type { TaskFilter } from '@millrace/shared'
import type { Filter } from '../../store/collection.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { labelBegins } from '../../store/prefix.ts'
import { firstIdAt } from '../../time-in-id.ts'

/** Tasks that match all filters. */
export function matching({ ids, status, module, tag, label, ...created }: TaskFilter): Filter<TaskDoc> {
  const statuses = [status ?? []].flat()
  const _id = { ...(ids ? { $in: ids } : {}), ...createdBetween(created) }
  return {
    ...(Object.keys(_id).length > 0 ? { _id } : {}),
    ...(statuses.length > 0 ? { status: statuses.length === 1 ? statuses[0] : { $in: statuses } } : {}),
    ...(module ? { module } : {}),
    ...(tag ? { tags: tag } : {}),
    ...(label ? labelBegins(label) : {}),
  }
}

/** A task whose own attempts are used up. Retrying it also revives the tasks that were skipped because of it. */
export const deadLetter = { status: 'failed', 'error.code': { $ne: 'upstream_failed' } } as const

/** A task was created at the time in its id: the order of the ids serves as an index by time. */
function createdBetween({ createdAfter, createdBefore }: Pick<TaskFilter, 'createdAfter' | 'createdBefore'>) {
  return {
    ...(createdAfter ? { $gte: firstIdAt('tsk', new Date(createdAfter)) } : {}),
    ...(createdBefore ? { $lt: firstIdAt('tsk', new Date(createdBefore)) } : {}),
  }
}
