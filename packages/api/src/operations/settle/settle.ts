import type { TaskDoc } from '../../store/documents/task.ts'
import { admit } from './admit.ts'
import { settleCreate } from './create.ts'
import { finalize } from './finalize.ts'
import { openBatch } from './open-batch.ts'
import type { SettlePorts } from './ports.ts'
import { settleRequeue } from './requeue.ts'
import { settleResume } from './resume.ts'
import { settleRevive } from './revive.ts'

/**
 * Carries out the follow-up marker of a task: what its last write left to do. Any process that finds an open marker may
 * call this, any number of times. Dependents that end or are revived because of it are settled too, one after another.
 */
export async function settle(ports: SettlePorts, from: TaskDoc): Promise<TaskDoc> {
  const { task, next } = await step(ports, from)
  const left = [...next]
  for (let dependent = left.pop(); dependent; dependent = left.pop()) {
    left.push(...(await step(ports, dependent)).next)
  }
  return task
}

/** `next`: other tasks that it left with open markers. */
type Step = { task: TaskDoc; next: TaskDoc[] }

async function step(ports: SettlePorts, task: TaskDoc): Promise<Step> {
  switch (task.settle?.kind) {
    case undefined:
      return { task, next: [] }
    case 'batch':
      return (await openBatch(ports, task.settle.batch)) ? settleAdmit(ports, task) : { task, next: [] }
    case 'create':
      return { task: await settleCreate(ports, task), next: [] }
    case 'admit':
      return settleAdmit(ports, task)
    case 'revive': {
      const { task: ready, revived } = await settleRevive(ports, task)
      if (ready.settle?.kind === 'revive') return { task: ready, next: [] }
      const admitted = await step(ports, ready)
      return { task: admitted.task, next: [...admitted.next, ...revived] }
    }
    case 'requeue':
      return { task: await settleRequeue(ports, task), next: [] }
    case 'resume':
      return { task: await settleResume(ports, task), next: [] }
    case 'terminal':
      return finalize(ports, task)
  }
}

async function settleAdmit(ports: SettlePorts, task: TaskDoc): Promise<Step> {
  const admitted = await admit(ports, task)
  return admitted.settle?.kind === 'terminal' ? finalize(ports, admitted) : { task: admitted, next: [] }
}
