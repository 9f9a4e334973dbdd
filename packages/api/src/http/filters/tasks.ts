import { statusGroups, type TaskQuery, type TaskStatus } from '@millrace/shared'
import { matching } from '../../operations/bulk/matching.ts'
import type { Filter } from '../../store/collection.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { behind } from '../cursor.ts'

export const taskFilter = (query: TaskQuery): Filter<TaskDoc> => ({
  ...matching({ ...query, status: statusesOf(query) }),
  ...(query.cursor === undefined ? {} : { $and: [behind(query.cursor, 'tsk_')] }),
})

/** Each of the dashboard's group names stands for several states. */
const statusesOf = (query: TaskQuery): TaskStatus[] | undefined =>
  query.status?.flatMap((word): readonly TaskStatus[] =>
    word in statusGroups ? statusGroups[word as keyof typeof statusGroups] : [word as TaskStatus],
  )
