import type { DataDoc, TaskDoc } from '../store/documents.ts'

/** An output item as a task's admission makes it: still to be produced. */
export function newOutput(task: TaskDoc, key: string): DataDoc[] {
  const output = task.outputs[key]
  if (!output) return []
  const { data, type, isFile, label, tags } = output
  return [
    {
      _id: data,
      rev: 1,
      apiKey: task.apiKey,
      label,
      type,
      isFile,
      status: 'pending',
      json: null,
      object: null,
      contentType: null,
      size: null,
      sha256: null,
      fileName: null,
      items: null,
      error: null,
      producer: { taskId: task._id, output: key },
      round: task.round,
      multipart: null,
      uploads: 0,
      settle: null,
      tags,
      createdAt: task.createdAt,
      updatedAt: task.createdAt,
      expiresAt: null,
    },
  ]
}
