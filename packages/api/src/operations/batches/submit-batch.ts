import {
  type BatchId,
  type BatchTask,
  type CreateTask,
  type Json,
  type Manifest,
  TaskId,
} from '@millrace/shared'
import { inBackground } from '../../concurrency/in-background.ts'
import type { turns } from '../../concurrency/turns.ts'
import { Failure, type FieldError, mostFaults } from '../../failure.ts'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import type { Caller } from '../access/caller.ts'
import { checkTask } from '../inputs/check-task.ts'
import { manifestFor } from '../modules/manifest-for.ts'
import { lookUpInputs } from '../settle/look-up-inputs.ts'
import type { SubmitPorts } from '../submit.ts'
import { newOutput } from '../task/new-output.ts'
import { newTask } from '../task/new-task.ts'
import { refuseUrl } from '../webhooks/keep-webhook.ts'
import { admitMembers, carryOnBatch } from './carry-on-batch.ts'
import { inOrder, refIn } from './graph.ts'

/** `turns` lets other requests run during a long computation. */
export type BatchPorts = SubmitPorts & { turns: typeof turns }

const insertedAtOnce = 500
/** The number of tasks that are admitted before the answer; the rest follows. */
const admittedAtOnce = 200

/**
 * Accepts many tasks, all or none. Writes them invisibly first; the one write that commits their batch is the commit
 * point. Returns them in the given order.
 */
export async function submitBatch(
  ports: BatchPorts,
  caller: Caller,
  wanted: readonly BatchTask[],
): Promise<TaskDoc[]> {
  const batch = caller.ids.batch()
  const ids = new Map(wanted.map((task) => [task.ref, caller.ids.task()]))
  const known = caller.repeated ? await ports.store.batches.get(batch) : null
  if (!known || known.state === 'staging' || known.state === 'aborted') {
    const tasks = await checkBatch(ports, caller, wanted, { batch, ids })
    await stage(ports, batch, tasks)
    await commit(ports, batch)
  }
  const isThrough = await admitMembers(ports, batch, admittedAtOnce)
  if (!isThrough) inBackground(ports, 'admitting a batch', carryOnBatch(ports, batch))
  return inGivenOrder(await ports.store.tasks.many([...ids.values()]), [...ids.values()])
}

/** The tasks as they are to be written, checked against their modules, the data, and each other. */
async function checkBatch(
  ports: BatchPorts,
  caller: Caller,
  wanted: readonly BatchTask[],
  { batch, ids }: { batch: BatchId; ids: ReadonlyMap<string, TaskId> },
): Promise<TaskDoc[]> {
  const ordered = (await inOrder(wanted, ports.turns())).flatMap(({ task, at }) => {
    const id = ids.get(task.ref)
    return id ? [{ at, id, task: named(task, ids) }] : []
  })
  const found = await lookUpInputs(
    ports,
    caller.grant,
    ordered.map(({ task }) => task),
  )
  const manifests = manifestCache(ports)
  const turn = ports.turns()
  const refusals: { at: number; failure: Failure }[] = []
  const tasks: TaskDoc[] = []
  for (const { at, id, task: one } of ordered) {
    await turn()
    if (refusals.length >= mostFaults) break
    try {
      if (one.webhook) refuseUrl(ports, one.webhook.url, '/webhook/url')
      const manifest = await manifests(one)
      const inputs = checkTask(manifest, one, found)
      const checked = { id, wanted: one, manifest, inputs }
      const task = newTask(caller, checked, ports.clock.now(), { kind: 'batch', batch })
      tasks.push(task)
      found.tasks.set(id, task)
      for (const output of outputsOf(task)) found.data.set(output._id, output)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      refusals.push({ at, failure: error })
    }
  }
  if (refusals.length > 0) throw refusal(refusals)
  return tasks
}

const outputsOf = (task: TaskDoc): DataDoc[] =>
  Object.keys(task.outputs).flatMap((key) => newOutput(task, key))

/** The task with ids in place of refs. */
function named({ ref: _, ...task }: BatchTask, ids: ReadonlyMap<string, TaskId>): CreateTask {
  const idOf = (ref: string | null): TaskId | undefined => (ref === null ? undefined : ids.get(ref))
  const one = (raw: Json): Json => {
    const id = idOf(refIn(raw))
    return id && raw !== null && typeof raw === 'object' && !Array.isArray(raw) ? { ...raw, task: id } : raw
  }
  return {
    ...task,
    inputs: Object.fromEntries(
      Object.entries(task.inputs).map(([key, raw]) => [key, Array.isArray(raw) ? raw.map(one) : one(raw)]),
    ),
    after: task.after.flatMap((word) => ids.get(word) ?? TaskId.safeParse(word).data ?? []),
  }
}

function manifestCache(ports: Ports): (task: CreateTask) => Promise<Manifest> {
  const known = new Map<string, Promise<Manifest>>()
  return (task) => {
    const name = JSON.stringify([task.module, task.version])
    const manifest = known.get(name) ?? manifestFor(ports, task)
    known.set(name, manifest)
    return manifest
  }
}

/** All faults of the tasks in one answer, with their common code if they have one. */
function refusal(refusals: readonly { at: number; failure: Failure }[]): Failure {
  const codes = new Set(refusals.map(({ failure }) => failure.code))
  const [code] = codes.size === 1 ? codes : ['invalid_request' as const]
  const errors = refusals.flatMap(({ at, failure }): FieldError[] =>
    (failure.errors ?? [{ path: '', message: failure.message }]).map(({ path, message }) => ({
      path: `/tasks/${at}${path}`,
      message,
    })),
  )
  const shown = errors.slice(0, mostFaults)
  const detail = shown.slice(0, 10).map(({ path, message }) => `${path} ${message}`)
  const count = refusals.length < mostFaults ? `${refusals.length}` : `${mostFaults} or more`
  const most = `${count} of the tasks cannot be accepted, so none was`
  return new Failure(code ?? 'invalid_request', `${most}: ${detail.join('; ')}.`, { errors: shown })
}

async function stage(ports: Ports, batch: BatchId, tasks: readonly TaskDoc[]): Promise<void> {
  const at = ports.clock.now()
  await ports.store.batches.insert({ _id: batch, rev: 1, state: 'staging', size: tasks.length, at })
  ports.failpoint('batch.staged')
  for (let from = 0; from < tasks.length; from += insertedAtOnce)
    await ports.store.tasks.insertMissing(tasks.slice(from, from + insertedAtOnce))
  ports.failpoint('batch.members-inserted')
}

async function commit(ports: Ports, batch: BatchId): Promise<void> {
  let isAborted = false
  const change = await ports.store.batches.change(batch, (doc) => {
    isAborted = doc.state === 'aborted'
    return doc.state === 'staging' ? { ...doc, state: 'committed', at: ports.clock.now() } : null
  })
  if (isAborted)
    throw new Failure(
      'conflict',
      'This batch was interrupted and aborted. Send it again with another Idempotency-Key.',
    )
  if (change) ports.failpoint('batch.committed')
}

function inGivenOrder(tasks: readonly TaskDoc[], ids: readonly TaskId[]): TaskDoc[] {
  const byId = new Map(tasks.map((task) => [task._id, task]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}
