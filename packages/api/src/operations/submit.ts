import type { CreateTask } from '@millrace/shared'
import type { TaskDoc } from '../store/documents/task.ts'
import type { Caller } from './access/caller.ts'
import { refuseForeignModule, spendTask } from './access/grant-quota.ts'
import { announceQueued } from './events/announce.ts'
import { checkTask } from './inputs/check-task.ts'
import { manifestFor } from './modules/manifest-for.ts'
import { createRecords } from './settle/create-records.ts'
import { lookUpInputs } from './settle/look-up-inputs.ts'
import type { SettlePorts } from './settle/ports.ts'
import { settle } from './settle/settle.ts'
import { newTask } from './task/new-task.ts'
import { queued } from './task/transitions.ts'
import { refuseUrl } from './webhooks/keep-webhook.ts'
import type { WebhookPorts } from './webhooks/ports.ts'

export type SubmitPorts = SettlePorts & WebhookPorts

/** Accepts a task. Its insert is the commit point; any process can continue from there. */
export async function submit(ports: SubmitPorts, caller: Caller, wanted: CreateTask): Promise<TaskDoc> {
  const id = caller.ids.task()
  // An earlier attempt of the request made it; its inputs may be gone by now.
  const made = caller.repeated ? await ports.store.tasks.get(id) : null
  if (made) return settle(ports, made)
  refuseForeignModule(caller.grant, wanted.module)
  if (wanted.webhook) refuseUrl(ports, wanted.webhook.url, '/webhook/url')
  const manifest = await manifestFor(ports, wanted)
  const inputs = checkTask(manifest, wanted, await lookUpInputs(ports, caller.grant, [wanted]))
  await spendTask(ports, caller.grant, id)
  const now = ports.clock.now()
  const task = newTask(caller, { id, wanted, manifest, inputs }, now)
  const accepted = needsNothing(task) ? enterQueue(ports, task, now) : task
  if (!(await ports.store.tasks.insert(accepted))) return (await ports.store.tasks.get(id)) ?? accepted
  ports.failpoint('submit.inserted')
  if (accepted.status === 'blocked') return settle(ports, accepted)
  announceQueued(ports, accepted)
  await createRecords(ports, [accepted])
  return accepted
}

/** Whatever it reads or comes after may go at the same moment, so only the admission, which looks again, may queue it. */
const needsNothing = (task: TaskDoc): boolean => task.reads.length === 0 && task.after.length === 0

/** Agents may claim the task before its outputs and its run exist; the marker sees to these if this process dies. */
const enterQueue = (ports: SubmitPorts, task: TaskDoc, now: Date): TaskDoc =>
  queued(task, ports.shares.next(task.apiKey, task.priority), now, { kind: 'create' }) ?? task
