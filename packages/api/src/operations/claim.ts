import { type ClaimAnswer, type ClaimRequest, type Offer, parseRunId } from '@millrace/shared'
import type { z } from 'zod'
import { inBackground } from '../concurrency/in-background.ts'
import type { Deps } from '../deps.ts'
import { Failure } from '../failure.ts'
import type { AgentDoc } from '../store/documents/agent.ts'
import type { Holder, QueueDoc, SlotDoc } from '../store/documents/queue.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { pauseOf } from './agents/presence.ts'
import { announceTask } from './events/announce.ts'
import { expireRun } from './expire-run.ts'
import { fitsVersion } from './modules/fits-version.ts'
import { assignmentFor } from './queue/assignment.ts'
import { park } from './queue/park.ts'
import { positionIn } from './queue/rank.ts'
import { readQueue } from './queue/read-queue.ts'
import { claimPatienceMs, globalSlot, slotsFor } from './queue/slots.ts'
import { releaseSlots, takeSlots } from './queue/take-slots.ts'
import { settle } from './settle/settle.ts'
import { claimOf, newRun } from './task/new-run.ts'
import { claimed } from './task/transitions.ts'

type Request = Pick<z.output<typeof ClaimRequest>, 'claimId' | 'offers'>

/**
 * An agent with room takes the best ready task over all of its modules. `null`: there is nothing for it. Throws `unavailable`
 * while another request of this claim is on its way to a run: that will be the answer to both.
 */
export async function claim(
  deps: Deps,
  asking: Promise<AgentDoc>,
  request: Request,
): Promise<ClaimAnswer | null> {
  const passed = new Set<string>()
  const [agent, first] = await Promise.all([asking, readQueue(deps, request.offers, passed)])
  const offers = request.offers.filter((offer) => isAvailable(agent, offer))
  const again = await assignedBefore(deps, agent, request.claimId, first.slots)
  if (again) return { grant: await assignmentFor(deps, again) }
  if (pauseOf(agent, deps.clock.now())?.by === 'operator') return null

  const lookAgain = () => readQueue(deps, offers, passed)
  let look = offers.length === request.offers.length ? first : await lookAgain()
  for (; look.best; look = await lookAgain()) {
    const { best, slots } = look
    if (best.kind === 'reserve') return { grant: null, reserve: best.reserve }
    passed.add(best.entry._id)
    const taken = await take(deps, { agent, claimId: request.claimId }, best, slots)
    if (taken === 'duplicate') throw duplicateUnderWay()
    if (taken === 'nothing') return null
    if (taken !== 'next') return { grant: await assignmentFor(deps, taken), more: best.more }
  }
  return null
}

const duplicateUnderWay = () =>
  new Failure('unavailable', 'Another request of this claim is being answered. Ask again with its id.', {
    retryAfterSeconds: 1,
  })

/** A repeated claim: every granted claim holds a place in the global slot until its run ends. */
async function assignedBefore(
  deps: Deps,
  agent: AgentDoc,
  claimId: string,
  slots: readonly SlotDoc[],
): Promise<TaskDoc | null> {
  const holder = slots
    .find((slot) => slot._id === globalSlot)
    ?.holders.find((one) => one.claimId === claimId && one.agent === agent._id)
  if (!holder) return null
  const task = await deps.store.tasks.get(parseRunId(holder.run).task)
  if (task?.status !== 'running' || task.claimId !== claimId || task.currentRun !== holder.run) return null
  await removeEntry(deps, holder.run)
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

/** `next`: not this entry. `nothing`: the installation is full. `duplicate`: this claim takes another run already. */
async function take(
  deps: Deps,
  { agent, claimId }: Claimant,
  { entry, offer }: { entry: QueueDoc; offer: Offer },
  known: readonly SlotDoc[],
): Promise<TaskDoc | 'next' | 'nothing' | 'duplicate'> {
  const holder: Holder = {
    run: entry._id,
    claimId,
    agent: agent._id,
    at: deps.clock.now(),
    attempt: deps.random().toString(36),
  }
  const [{ held, full, isDuplicate }, waiting] = await Promise.all([
    takeSlots(deps, await slotsFor(deps, entry, known), holder),
    readyTask(deps, entry),
  ])
  const fits = waiting !== null && (await fitsOffer(deps, waiting, offer))
  const isRefused = full !== null || isDuplicate || !fits
  const change = isRefused
    ? null
    : await deps.store.tasks.change(waiting, (task) => {
        const now = deps.clock.now()
        const isTooLate = now.getTime() - holder.at.getTime() > claimPatienceMs
        return isTooLate ? null : claimed(task, { run: entry._id, claimId, agent, offer }, now)
      })
  if (!change) {
    const now = await releaseSlots(deps, entry, holder, held)
    if (now && isOfClaim(now, holder)) return now
    if (isDuplicate) return 'duplicate'
    if (full === globalSlot) return 'nothing'
    if (full) await park(deps, entry, full)
    return 'next'
  }
  deps.failpoint('claim.running')
  deps.shares.served(entry.priority, positionIn(entry.rank))
  deps.meter.claimed((holder.at.getTime() - entry.queuedAt.getTime()) / 1000)
  deps.logger.info({ run: entry._id, agent: agent._id, origin: change.after.requestId }, 'claimed')
  return afterClaim(deps, agent, entry, change.after)
}

/** A duplicate of this claim was faster: its assignment is the answer to both. */
const isOfClaim = (task: TaskDoc, { run, claimId }: Holder): boolean =>
  task.status === 'running' && task.currentRun === run && task.claimId === claimId

/** Its token may have come before the last write of its admission. */
async function readyTask(deps: Deps, entry: QueueDoc): Promise<TaskDoc | null> {
  const task = await deps.store.tasks.get(entry.task)
  return task?.settle ? settle(deps, task) : task
}

/** Almost always it is the version that the task was checked against. */
async function fitsOffer(deps: Deps, task: TaskDoc, offer: Offer): Promise<boolean> {
  if (task.version !== null || task.checkedAgainst === null || task.checkedAgainst === offer.version)
    return true
  return fitsVersion(task, await deps.store.modules.get(task.module), offer)
}

async function afterClaim(
  deps: Deps,
  agent: AgentDoc,
  entry: QueueDoc,
  task: TaskDoc,
): Promise<TaskDoc | 'nothing'> {
  const [now] = await Promise.all([deps.store.agents.get(agent._id), removeEntry(deps, entry._id)])
  if (!now || now.sessionId !== agent.sessionId || now.sessionEndedAt) {
    await expireRun(deps, task)
    // Any other would be lost to this session as well, and the same task again and again.
    return 'nothing'
  }
  announceTask(deps, task)
  inBackground(deps, 'writing that a run began', writeRun(deps, entry, task))
  return task
}

/** Before any grant of the run: its end need not look for it again. */
async function removeEntry(deps: Deps, run: string): Promise<void> {
  await deps.store.queue.remove(run)
  deps.failpoint('claim.entry-removed')
}

/** Only for lists: the task says how its run stands, and its end writes all of this too. */
async function writeRun(deps: Deps, entry: QueueDoc, task: TaskDoc): Promise<void> {
  // As its admission made it: nobody else writes it before the claim.
  await deps.store.runs.change(newRun(task, entry._id, entry.queuedAt), (run) =>
    run.status === 'queued' ? { ...run, ...claimOf(task) } : null,
  )
  deps.failpoint('claim.run-written')
}
