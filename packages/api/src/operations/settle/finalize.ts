import { setImmediate } from 'node:timers/promises'
import type { TaskDoc, TaskMarker } from '../../store/documents/task.ts'
import { announceTask } from '../events/announce.ts'
import { releaseRun } from '../queue/slots.ts'
import { queueDeliveries } from '../webhooks/queue-deliveries.ts'
import { cancelWaitingRun } from './cancel-waiting-run.ts'
import { clearMarker } from './clear-marker.ts'
import { admitDependents } from './dependents.ts'
import { endRun } from './end-run.ts'
import { settleFreshOutputs } from './outputs.ts'
import type { SettlePorts } from './ports.ts'
import { staySkipped } from './stay-skipped.ts'

/**
 * Applies the end of a task to its outputs, then to its run, slots, webhooks and dependents; then removes the marker.
 * Returns the dependents that ended because of it, to be settled next.
 */
export async function finalize(
  ports: SettlePorts,
  task: TaskDoc,
): Promise<{ task: TaskDoc; next: TaskDoc[] }> {
  const marker = task.settle
  if (marker?.kind !== 'terminal') return { task, next: [] }
  await settleFreshOutputs(ports, task, marker.unsure ?? false)
  ports.failpoint('settle.outputs-written')
  // Readers can see the result from here on. They go first; no reader waits for the rest.
  ports.ending.set(task._id, task)
  announceTask(ports, task)
  await setImmediate()
  ports.ending.delete(task._id)

  const [ended] = await Promise.all([
    admitWaiting(ports, task),
    endRuns(ports, task, marker),
    queueDeliveries(ports, task),
  ])
  if (task.status !== 'skipped')
    return { task: await clearMarker(ports, task, 'settle.cleared'), next: ended }
  const last = await staySkipped(ports, task)
  return { task: last, next: last.settle ? [...ended, last] : ended }
}

async function admitWaiting(ports: SettlePorts, task: TaskDoc): Promise<TaskDoc[]> {
  const items = Object.values(task.outputs).map((output) => output.data)
  const ended = await admitDependents(ports, [task._id, ...items])
  ports.failpoint('settle.dependents-admitted')
  return ended
}

async function endRuns(
  ports: SettlePorts,
  task: TaskDoc,
  { run, end, waiting }: Extract<TaskMarker, { kind: 'terminal' }>,
): Promise<void> {
  const written = async () => {
    if (run && end) await endRun(ports, task, run, { ...end, nextRun: null })
    if (waiting) await cancelWaitingRun(ports, waiting, task.finishedAt ?? ports.clock.now())
    ports.failpoint('settle.run-written')
  }
  const released = async () => {
    for (const one of [run, waiting]) if (one) await releaseRun(ports, task, one)
    ports.failpoint('settle.slots-released')
  }
  await Promise.all([written(), released()])
}
