import type { CreateTask } from '@millrace/shared'
import type { TaskDoc } from '../store/documents/task.ts'
import type { Caller } from './access/caller.ts'
import { refuseForeignModule, spendTask } from './access/grant-quota.ts'
import { checkTask } from './inputs/check-task.ts'
import { manifestFor } from './modules/manifest-for.ts'
import { lookUpInputs } from './settle/look-up-inputs.ts'
import type { SettlePorts } from './settle/ports.ts'
import { settle } from './settle/settle.ts'
import { newTask } from './task/new-task.ts'
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
  const task = newTask(caller, { id, wanted, manifest, inputs }, ports.clock.now())
  if (!(await ports.store.tasks.insert(task))) return (await ports.store.tasks.get(task._id)) ?? task
  ports.failpoint('submit.inserted')
  return settle(ports, task)
}
