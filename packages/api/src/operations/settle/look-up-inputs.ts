import { type CreateTask, type DataId, type GrantId, isTerminal, type TaskId } from '@millrace/shared'
import type { GrantDoc } from '../../store/documents/access.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { referencesOf } from '../inputs/resolve.ts'
import type { SettlePorts } from './ports.ts'
import { settle } from './settle.ts'
import { isStaged } from './staged.ts'

/** Reads all items and tasks that new tasks name, as far as their caller may use them. */
export async function lookUpInputs(
  ports: SettlePorts,
  grant: GrantDoc | null,
  wanted: readonly Pick<CreateTask, 'inputs' | 'after'>[],
): Promise<{ data: Map<DataId, DataDoc>; tasks: Map<TaskId, TaskDoc> }> {
  const mayUse = (doc: { grant: GrantId | null }) => grant === null || doc.grant === grant._id
  const references = wanted.map(({ inputs }) => referencesOf(inputs))
  const named = new Set([
    ...references.flatMap(({ tasks }) => tasks),
    ...wanted.flatMap(({ after }) => after),
  ])
  const upstreams: TaskDoc[] = []
  for (const task of (await ports.store.tasks.many([...named])).filter(mayUse)) {
    if (await isStaged(ports, task)) continue
    // Its outputs exist after its admission; an earlier reader would take them for deleted.
    upstreams.push(isTerminal(task.status) ? task : await settle(ports, task))
  }
  const outputs = upstreams.flatMap((task) => Object.values(task.outputs).map((output) => output.data))
  const items = await ports.store.data.many([
    ...new Set([...references.flatMap(({ data }) => data), ...outputs]),
  ])
  return {
    data: new Map(items.filter(mayUse).map((item) => [item._id, item])),
    tasks: new Map(upstreams.map((task) => [task._id, task])),
  }
}
