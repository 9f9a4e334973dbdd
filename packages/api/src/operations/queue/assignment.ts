import type { Grant, GrantedFile, GrantedInput, Json } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { StoredInput, TaskDoc } from '../../store/documents/task.ts'
import { readBy } from '../inputs/reads.ts'

/** What an agent needs to run a task: inline values, and files as presigned URLs that are fresh each time. */
export async function assignmentFor(ports: Ports, task: TaskDoc): Promise<Grant> {
  const items = new Map((await ports.store.data.many(readBy(task.inputs))).map((item) => [item._id, item]))
  const inputs: Record<string, GrantedInput> = {}
  for (const [key, input] of Object.entries(task.inputs)) {
    inputs[key] = Array.isArray(input)
      ? { list: await Promise.all(input.map((one) => single(ports, items, one))) }
      : await granted(ports, items, input)
  }
  return {
    run: task.currentRun ?? `${task._id}.${task.attempt}`,
    module: { name: task.module, version: task.ranVersion ?? '', digest: task.ranDigest ?? '' },
    inputs,
    outputs: Object.fromEntries(Object.entries(task.outputs).map(([key, { data }]) => [key, { data }])),
    timeoutSeconds: task.timeoutSeconds,
    task: {
      priority: task.priority,
      createdAt: task.createdAt.toISOString(),
      requestId: task.requestId,
      ...(task.alone ? { alone: true } : {}),
    },
  }
}

const savedOnly = { contentType: 'application/octet-stream', disposition: 'attachment' }

type Items = ReadonlyMap<string, DataDoc>

async function granted(ports: Ports, items: Items, input: StoredInput): Promise<GrantedInput> {
  const item = 'data' in input ? items.get(input.data) : undefined
  if (!item?.items) return single(ports, items, input)
  const elements = await ports.store.data.many(item.items)
  const inOrder = item.items.flatMap((id) => elements.find((element) => element._id === id) ?? [])
  return { list: await Promise.all(inOrder.map((element) => fromItem(ports, element))) }
}

async function single(
  ports: Ports,
  items: Items,
  input: StoredInput,
): Promise<GrantedFile | { value: Json }> {
  if ('json' in input) return { value: JSON.parse(input.json) }
  const item = items.get(input.data)
  return item ? fromItem(ports, item) : { value: null }
}

async function fromItem(ports: Ports, item: DataDoc): Promise<GrantedFile | { value: Json }> {
  if (!item.isFile || !item.object) return { value: item.json === null ? null : JSON.parse(item.json) }
  // A browser that opens the URL saves the file and never runs it as a page of the store.
  const { url } = await ports.objects.presignGet(item.object, savedOnly)
  return {
    file: {
      data: item._id,
      url,
      name: item.fileName ?? item._id,
      size: item.size ?? 0,
      contentType: item.contentType ?? 'application/octet-stream',
      sha256: item.sha256 ?? undefined,
      label: item.label,
    },
  }
}
