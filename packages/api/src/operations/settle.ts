import type { Deps } from '../deps.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { admit } from './admit.ts'
import { settleRequeue } from './requeue.ts'
import { settleResume } from './resume.ts'
import { settleTerminal } from './terminal.ts'

/**
 * Carries out what the last write of a task left to be done. Whoever meets an open marker may call this, any
 * number of times. Dependents that end because of it are settled too, one after the other.
 */
export async function settle(deps: Deps, from: TaskDoc): Promise<TaskDoc> {
  const { task, ended } = await step(deps, from)
  const next = [...ended]
  for (let dependent = next.pop(); dependent; dependent = next.pop()) {
    next.push(...(await step(deps, dependent)).ended)
  }
  return task
}

async function step(deps: Deps, task: TaskDoc): Promise<{ task: TaskDoc; ended: TaskDoc[] }> {
  switch (task.settle?.kind) {
    case undefined:
      return { task, ended: [] }
    case 'admit': {
      const admitted = await admit(deps, task)
      return admitted.settle?.kind === 'terminal'
        ? settleTerminal(deps, admitted)
        : { task: admitted, ended: [] }
    }
    case 'requeue':
      return { task: await settleRequeue(deps, task), ended: [] }
    case 'resume':
      return { task: await settleResume(deps, task), ended: [] }
    case 'terminal':
      return settleTerminal(deps, task)
  }
}
