import type { DataDoc } from '../../store/documents/data.ts'
import { newItem } from '../../store/documents/new-item.ts'
import type { TaskDoc } from '../../store/documents/task.ts'

/** An output item as a task's admission makes it: still to be produced. */
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
