import { type CreateTask, type DataId, type GrantId, isTerminal, type TaskId } from '@millrace/shared'
import type { Deps } from '../../deps.ts'
import type { GrantDoc } from '../../store/documents/access.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { referencesOf } from '../inputs/resolve.ts'
import { settle } from './settle.ts'
import { isStaged } from './staged.ts'

/** Everything that new tasks name, as far as their caller may use it. */
export async function lookUpInputs(
  deps: Deps,
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
  for (const task of (await deps.store.tasks.many([...named])).filter(mayUse)) {
    if (await isStaged(deps, task)) continue
    // Its outputs are there once it is admitted; before, whoever looks for them takes them for gone.
    upstreams.push(isTerminal(task.status) ? task : await settle(deps, task))
  }
  const outputs = upstreams.flatMap((task) => Object.values(task.outputs).map((output) => output.data))
  const items = await deps.store.data.many([
    ...new Set([...references.flatMap(({ data }) => data), ...outputs]),
  ])
  return {
    data: new Map(items.filter(mayUse).map((item) => [item._id, item])),
    tasks: new Map(upstreams.map((task) => [task._id, task])),
  }
}
