import type { DataId, TaskId } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { decideAdmission } from '../task/admission.ts'
import { revived } from '../task/fresh-round.ts'
import { newOutput } from '../task/new-output.ts'
import { readUpstreams } from './upstreams.ts'

const atOnce = 200

/**
 * Begins a new round: makes the outputs pending again, and revives the tasks that were skipped because of them.
 * Returns the revived tasks, each with the same marker. The task itself is admitted next.
 */
export async function settleRevive(
  ports: Ports,
  task: TaskDoc,
): Promise<{ task: TaskDoc; revived: TaskDoc[] }> {
  if (task.settle?.kind !== 'revive') return { task, revived: [] }
  for (const key of Object.keys(task.outputs))
    if (!(await pendingAgain(ports, task, key))) return { task, revived: [] }
  ports.failpoint('revive.outputs-pending')
  const begun = await reviveDependents(ports, task)
  ports.failpoint('revive.dependents-written')
  const change = await ports.store.tasks.followUp.change(task, (current) =>
    current.settle?.kind === 'revive' && current.round === task.round
      ? { ...current, settle: { kind: 'admit' } }
      : null,
  )
  if (change) ports.failpoint('revive.admitting')
  return { task: change?.after ?? { ...task, settle: null }, revived: begun }
}

/**
 * Makes an output pending again, under the id that other tasks name. `false`: it is being removed, which cannot be
 * undone; once it is gone, the tick calls this again and the item is created again.
 */
async function pendingAgain(ports: Ports, task: TaskDoc, key: string): Promise<boolean> {
  const [fresh] = newOutput(task, key)
  if (!fresh || (await ports.store.data.followUp.insert(fresh))) return true
  const change = await ports.store.data.followUp.change(fresh._id, (item) =>
    decidePending(item, fresh, ports.clock.now()),
  )
  if (change) return true
  const item = await ports.store.data.get(fresh._id)
  return item !== null && item.status !== 'removing'
}

/** `null`: it belongs to this round or a later one already, or is being removed. */
function decidePending(item: DataDoc, fresh: DataDoc, now: Date): DataDoc | null {
  if (item.round >= fresh.round || item.status === 'removing') return null
  const { label, tags, expiresAt, createdAt } = item // as a person may have changed them
  return { ...item, ...fresh, rev: item.rev, before: null, label, tags, expiresAt, createdAt, updatedAt: now }
}

/** A task that another upstream still prevents from running stays skipped, until that one is retried too. */
async function reviveDependents(ports: Ports, task: TaskDoc): Promise<TaskDoc[]> {
  const outputs = Object.values(task.outputs).map((output) => output.data)
  const begun = new Map<TaskId, TaskDoc>()
  for (const skipped of await skippedFor(ports, task._id, outputs)) {
    if (begun.has(skipped._id)) continue
    const upstreams = await readUpstreams(ports, skipped)
    if (decideAdmission(skipped, upstreams).kind === 'end') continue
    const change = await ports.store.tasks.followUp.change(skipped, (current) =>
      revived(current, ports.clock.now()),
    )
    if (change) begun.set(skipped._id, change.after)
  }
  return [...begun.values()]
}

async function skippedFor(ports: Ports, task: TaskId, outputs: readonly DataId[]): Promise<TaskDoc[]> {
  const found: TaskDoc[] = []
  for (const needs of [{ reads: { $in: [...outputs] } }, { after: task }]) {
    let last: TaskId | undefined
    for (;;) {
      const page = await ports.store.tasks.find(
        { ...needs, status: 'skipped', ...(last ? { _id: { $gt: last } } : {}) },
        { sort: { _id: 1 }, limit: atOnce },
      )
      found.push(...page)
      last = page.at(-1)?._id
      if (page.length < atOnce) break
    }
  }
  return found
}
