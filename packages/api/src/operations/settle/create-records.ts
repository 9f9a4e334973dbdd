import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { newOutput } from '../task/new-output.ts'
import { newRun } from '../task/new-run.ts'

/** Creates the outputs of queued tasks and their runs, where they are missing. */
export async function createRecords(ports: Ports, tasks: readonly TaskDoc[]): Promise<void> {
  await Promise.all([createOutputs(ports, tasks), createRuns(ports, tasks)])
}

/** Output items exist from the start, so that they can be named as inputs of other tasks. */
export async function createOutputs(ports: Ports, tasks: readonly TaskDoc[]): Promise<void> {
  await ports.store.data.followUp.insertMissing(
    tasks.flatMap((task) => Object.keys(task.outputs).flatMap((key) => newOutput(task, key))),
  )
  ports.failpoint('admit.outputs-created')
}

async function createRuns(ports: Ports, tasks: readonly TaskDoc[]): Promise<void> {
  await ports.store.runs.insertMissing(
    tasks.flatMap((task) =>
      task.currentRun ? newRun(task, task.currentRun, task.queuedAt ?? task.createdAt) : [],
    ),
  )
  ports.failpoint('admit.run-created')
}
