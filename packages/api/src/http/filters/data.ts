import type { DataQuery } from '@millrace/shared'
import type { Filter } from '../../store/collection.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import { labelBegins } from '../../store/prefix.ts'
import { behind } from '../cursor.ts'

export const dataFilter = (query: DataQuery): Filter<DataDoc> => ({
  ...behind(query.cursor, 'dat_'),
  ...(query.status ? { status: query.status } : {}),
  ...(query.type ? { type: query.type } : {}),
  ...(query.tag ? { tags: query.tag } : {}),
  ...(query.producer ? { 'producer.taskId': query.producer } : {}),
  ...(query.label ? labelBegins(query.label) : {}),
})
