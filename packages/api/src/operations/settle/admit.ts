import { type RunId, runIdOf } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { announceQueued, announceTask } from '../events/announce.ts'
import { type Admission, decideAdmission } from '../task/admission.ts'
import { newRun } from '../task/new-run.ts'
import { mayBeClaimed, queued, upstreamFailed } from '../task/transitions.ts'
import { cancelWaitingRun } from './cancel-waiting-run.ts'
import { createOutputs } from './create-records.ts'
import type { SettlePorts } from './ports.ts'
import { readUpstreams } from './upstreams.ts'

/**
 * Queues a blocked task, lets it wait, or ends it because something it needs will never come; then it has an open marker.
 * Runs after the submit, and again whenever something ended that the task waited for. Any process may run it, any number
 * of times.
 */
export async function admit(ports: SettlePorts, from: TaskDoc): Promise<TaskDoc> {
  let task = from
  for (;;) {
    if (!admissible(task)) return task
    const decision = decideAdmission(task, await readUpstreams(ports, task))
    if (decision.kind === 'wait' && sameWait(task, decision.waitingFor)) return task
    const admitted = await carryOut(ports, task, decision)
    if (!admitted) {
      // Another writer changed it meanwhile: read it again.
      const now = await ports.store.tasks.get(task._id)
      if (!now) return task
      task = now
      continue
    }
    task = admitted
    if (decision.kind !== 'wait' || task.settle === null) return task
    // Read again: an upstream may have ended between the read and the write.
  }
}

const admissible = (task: TaskDoc): boolean =>
  task.status === 'blocked' && (task.settle === null || isToBeAdmitted(task))

/** A member of a batch gets here only after the batch is open. */
const isToBeAdmitted = (task: TaskDoc): boolean =>
  task.settle?.kind === 'admit' || task.settle?.kind === 'batch'

const sameWait = (task: TaskDoc, waitingFor: readonly string[]): boolean =>
  task.settle === null &&
  task.waitingFor.length === waitingFor.length &&
  waitingFor.every((id, at) => task.waitingFor[at] === id)

/** `null`: another writer was faster. */
function carryOut(ports: SettlePorts, task: TaskDoc, decision: Admission): Promise<TaskDoc | null> {
  switch (decision.kind) {
    case 'wait':
      return keepWaiting(ports, task, decision.waitingFor)
    case 'end':
      return end(ports, task, decision)
    case 'queue':
      return enqueue(ports, task)
  }
}

async function keepWaiting(
  ports: Ports,
  task: TaskDoc,
  waitingFor: TaskDoc['waitingFor'],
): Promise<TaskDoc | null> {
  const updatedAt = ports.clock.now()
  const known = new Set<string>(task.waitingFor)
  const isNew = waitingFor.some((id) => !known.has(id))
  if (isNew) await ensureOutputs(ports, task)
  // Upstreams that end from here on find it waiting. Another read sees those that ended before; if this process dies
  // first, the marker leaves that read to another process.
  const settle = isNew ? { kind: 'admit' as const } : null
  const change = await writeOnce(ports, task, { ...task, waitingFor, settle, updatedAt })
  if (!change) return null
  ports.failpoint('admit.waiting')
  announceTask(ports, change)
  return change
}

async function end(
  ports: Ports,
  task: TaskDoc,
  { status, error }: Extract<Admission, { kind: 'end' }>,
): Promise<TaskDoc | null> {
  const now = ports.clock.now()
  await ensureOutputs(ports, task)
  // What ended must never come back, so this waits for the disk.
  const change = await ports.store.tasks.change(task, (current) =>
    current.rev === task.rev ? upstreamFailed(current, status, error, now) : null,
  )
  if (change) ports.failpoint('admit.ended')
  return change?.after ?? null
}

async function enqueue(ports: SettlePorts, task: TaskDoc): Promise<TaskDoc | null> {
  const now = ports.clock.now()
  const run = runIdOf(task._id, task.attempt)
  await Promise.all([
    ensureOutputs(ports, task),
    ports.store.runs.insert(newRun(task, run, now)).then(() => ports.failpoint('admit.run-created')),
  ])
  const change = await writeOnce(
    ports,
    task,
    queued(task, ports.shares.next(task.apiKey, task.priority), now),
  )
  if (!change) {
    await takeBack(ports, task, run)
    return null
  }
  ports.failpoint('admit.queued')
  announceQueued(ports, change)
  return change
}

/** Another writer was faster. If it ended this attempt, its run must not seem to wait. */
async function takeBack(ports: Ports, task: TaskDoc, run: RunId): Promise<void> {
  const now = await ports.store.tasks.get(task._id)
  const wasClaimed = now?.currentRun === run && now.startedAt !== null
  if (!wasClaimed && !(now && mayBeClaimed(now, run))) await cancelWaitingRun(ports, run, ports.clock.now())
}

/** One compare-and-set. The decision holds for what was read, so a miss is not repeated here. */
async function writeOnce(ports: Ports, task: TaskDoc, next: TaskDoc | null): Promise<TaskDoc | null> {
  const change = await ports.store.tasks.followUp.change(task, (current) =>
    current.rev === task.rev ? next : null,
  )
  return change?.after ?? null
}

async function ensureOutputs(ports: Ports, task: TaskDoc): Promise<void> {
  if (task.settle?.kind === 'admit') await createOutputs(ports, [task])
}
