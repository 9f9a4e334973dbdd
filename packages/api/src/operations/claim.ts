import { type ClaimAnswer, type ClaimRequest, type Offer, parseRunId } from '@millrace/shared'
import type { z } from 'zod'
import { inBackground } from '../concurrency/in-background.ts'
import { Failure } from '../failure.ts'
import type { Ports } from '../ports.ts'
import type { MeterPorts } from '../process/meter.ts'
import type { AgentDoc } from '../store/documents/agent.ts'
import { type Holder, positionIn, type QueuedTask, type SlotDoc } from '../store/documents/queue.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { pauseOf } from './agents/presence.ts'
import { announceTask } from './events/announce.ts'
import { expireRun } from './expire-run.ts'
import { fitsVersion } from './modules/fits-version.ts'
import { assignmentFor } from './queue/assignment.ts'
import { park } from './queue/park.ts'
import { readQueue } from './queue/read-queue.ts'
import { claimPatienceMs, globalSlot, slotsFor } from './queue/slots.ts'
import { releaseSlots, takeSlots } from './queue/take-slots.ts'
import type { SettlePorts } from './settle/ports.ts'
import { settle } from './settle/settle.ts'
import { claimOf, newRun } from './task/new-run.ts'
import { claimed, isBusy } from './task/transitions.ts'

export type ClaimPorts = SettlePorts & MeterPorts

type Request = Pick<z.output<typeof ClaimRequest>, 'claimId' | 'offers'>

/**
 * Assigns an agent with room the best queued task over all of its modules. `null`: the queue has none for it. Throws
 * `unavailable` while a duplicate of this claim is taking a run, which will be the answer to both.
 */
export async function claim(
  ports: ClaimPorts,
  asking: Promise<AgentDoc>,
  request: Request,
): Promise<ClaimAnswer | null> {
  const passed = new Set<string>()
  const [agent, first] = await Promise.all([asking, readQueue(ports, request.offers, passed)])
  const offers = request.offers.filter((offer) => isAvailable(agent, offer))
  const again = await assignedBefore(ports, agent, request.claimId, first.slots)
  if (again) return { grant: await assignmentFor(ports, again) }
  if (pauseOf(agent, ports.clock.now())?.by === 'operator') return null

  const lookAgain = () => readQueue(ports, offers, passed)
  let look = offers.length === request.offers.length ? first : await lookAgain()
  for (; look.best; look = await lookAgain()) {
    const { best, slots } = look
    if (best.kind === 'reserve') return { grant: null, reserve: best.reserve }
    passed.add(best.task.currentRun)
    const taken = await take(ports, { agent, claimId: request.claimId }, best, slots)
    if (taken === 'duplicate') throw duplicateUnderWay()
    if (taken === 'nothing') return null
    if (taken !== 'next') return { grant: await assignmentFor(ports, taken), more: best.more }
  }
  return null
}

const duplicateUnderWay = () =>
  new Failure('unavailable', 'Another request of this claim is being answered. Ask again with its id.', {
    retryAfterSeconds: 1,
  })

/** The task of a duplicate claim: every assignment holds a unit of the global slot until its run ends. */
async function assignedBefore(
  ports: Ports,
  agent: AgentDoc,
  claimId: string,
  slots: readonly SlotDoc[],
): Promise<TaskDoc | null> {
  const holder = slots
    .find((slot) => slot._id === globalSlot)
    ?.holders.find((one) => one.claimId === claimId && one.agent === agent._id)
  if (!holder) return null
  const task = await ports.store.tasks.get(parseRunId(holder.run).task)
  if (task?.status !== 'running' || task.claimId !== claimId || task.currentRun !== holder.run) return null
  return task
}

const isAvailable = (agent: AgentDoc, offer: Offer): boolean =>
  agent.modules.some(
    (one) =>
      one.name === offer.module &&
      one.version === offer.version &&
      one.digest === offer.digest &&
      one.status === 'AVAILABLE',
  )

type Claimant = { agent: AgentDoc; claimId: string }

/** `next`: not this task. `nothing`: the installation is full. `duplicate`: this claim takes another run already. */
async function take(
  ports: ClaimPorts,
  { agent, claimId }: Claimant,
  { task: queued, offer }: { task: QueuedTask; offer: Offer },
  known: readonly SlotDoc[],
): Promise<TaskDoc | 'next' | 'nothing' | 'duplicate'> {
  const holder: Holder = {
    run: queued.currentRun,
    claimId,
    agent: agent._id,
    at: ports.clock.now(),
    attempt: ports.random().toString(36),
  }
  const [{ held, full, isDuplicate }, waiting] = await Promise.all([
    takeSlots(ports, await slotsFor(ports, queued, known), holder),
    readyTask(ports, queued),
  ])
  const fits = waiting !== null && (await fitsOffer(ports, waiting, offer))
  const isRefused = full !== null || isDuplicate || !fits
  const change = isRefused
    ? null
    : await ports.store.tasks.change(waiting, (task) => {
        const now = ports.clock.now()
        const isTooLate = now.getTime() - holder.at.getTime() > claimPatienceMs
        return isTooLate ? null : claimed(task, { run: holder.run, claimId, agent, offer }, now)
      })
  if (!change) {
    await releaseSlots(ports, holder, held)
    const now = await ports.store.tasks.get(queued._id)
    if (now && isOfClaim(now, holder)) return now
    if (isDuplicate) return 'duplicate'
    if (full === globalSlot) return 'nothing'
    if (full) await park(ports, queued, full)
    return 'next'
  }
  ports.failpoint('claim.running')
  ports.shares.served(queued.priority, positionIn(queued.entry.rank))
  ports.meter.claimed((holder.at.getTime() - queued.queuedAt.getTime()) / 1000)
  ports.logger.info({ run: holder.run, agent: agent._id, origin: change.after.requestId }, 'claimed')
  return afterClaim(ports, agent, change.after)
}

/** A duplicate of this claim was faster: its assignment is the answer to both. */
const isOfClaim = (task: TaskDoc, { run, claimId }: Holder): boolean =>
  task.status === 'running' && task.currentRun === run && task.claimId === claimId

/** Settles it first where its last run has just ended. */
async function readyTask(ports: SettlePorts, { _id }: QueuedTask): Promise<TaskDoc | null> {
  const task = await ports.store.tasks.get(_id)
  return task && isBusy(task) ? settle(ports, task) : task
}

/** Almost every offer has the version that the task was checked against. */
async function fitsOffer(ports: Ports, task: TaskDoc, offer: Offer): Promise<boolean> {
  if (task.version !== null || task.checkedAgainst === null || task.checkedAgainst === offer.version)
    return true
  return fitsVersion(task, await ports.store.modules.get(task.module), offer)
}

async function afterClaim(ports: SettlePorts, agent: AgentDoc, task: TaskDoc): Promise<TaskDoc | 'nothing'> {
  const now = await ports.store.agents.get(agent._id)
  if (!now || now.sessionId !== agent.sessionId || now.sessionEndedAt) {
    await expireRun(ports, task)
    // This session would lose any other task too, and then the same task again.
    return 'nothing'
  }
  announceTask(ports, task)
  inBackground(ports, 'writing that a run began', writeRun(ports, task))
  return task
}

/** Only lists need this: the task knows the state of its run, and the end of the run writes all of it too. */
async function writeRun(ports: Ports, task: TaskDoc): Promise<void> {
  if (!task.currentRun || !task.queuedAt) return
  // No other writer touches a run between its creation and its claim.
  await ports.store.runs.changeOrInsert(newRun(task, task.currentRun, task.queuedAt), (run) =>
    run.status === 'queued' ? { ...run, ...claimOf(task) } : null,
  )
  ports.failpoint('claim.run-written')
}
