import type { DataDoc } from '../../store/documents/data.ts'
import { newItem } from '../../store/documents/new-item.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** A pending output item, as the admission of a task creates it. */
export function newOutput(task: TaskDoc, key: string): DataDoc[] {
  const output = task.outputs[key]
  if (!output) return []
  const { data, type, isFile, label, tags } = output
  return [
    newItem({
      _id: data,
      apiKey: task.apiKey,
      grant: task.grant,
      label,
      type,
      isFile,
      status: 'pending',
      producer: { taskId: task._id, output: key },
      round: task.round,
      tags,
      createdAt: task.createdAt,
    }),
  ]
}
