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
import { type Picked, pickEntry } from './queue/pick.ts'
import { positionIn } from './queue/rank.ts'
import { claimPatienceMs, globalSlot, moduleSlot, release, slotsFor, takeSlot } from './queue/slots.ts'
import { isToCome, removeUnclaimed } from './settle/run-end.ts'
import { settle } from './settle/settle.ts'
import { move } from './task/move.ts'
import { claimOf, newRun } from './task/new-run.ts'

type Request = Pick<z.output<typeof ClaimRequest>, 'claimId' | 'offers'>
const entriesAtOnce = 50

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
  const [agent, first] = await Promise.all([asking, lookAround(deps, request.offers, passed)])
  const offers = request.offers.filter((offer) => isAvailable(agent, offer))
  const again = await assignedBefore(deps, agent, request.claimId, first.slots)
  if (again) return { grant: await assignmentFor(deps, again) }
  if (pauseOf(agent, deps.clock.now())?.by === 'operator') return null

  const lookAgain = () => lookAround(deps, offers, passed)
  let look = offers.length === request.offers.length ? first : await lookAgain()
  for (; look.best; look = await lookAgain()) {
    const { best, slots } = look
    if (best.kind === 'reserve') return { grant: null, reserve: best.reserve }
    passed.add(best.entry._id)
    const taken = await take(deps, agent, request.claimId, best.entry, best.offer, slots)
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

/** What there is to take, and the limits it falls under as they stand now. */
async function lookAround(deps: Deps, offers: readonly Offer[], passed: ReadonlySet<string>) {
  const modules = [...new Set(offers.map((offer) => moduleSlot(offer.module)))]
  const [best, slots] = await Promise.all([
    bestEntry(deps, offers, passed),
    deps.store.slots.many([globalSlot, ...modules]),
  ])
  return { best, slots }
}

/** The best entry that fits; or, when a more urgent one has no room, what to keep room for. */
async function bestEntry(
  deps: Deps,
  offers: readonly Offer[],
  passed: ReadonlySet<string>,
): Promise<Picked | null> {
  const open = (some: readonly Offer[]) => {
    const modules = [...new Set(some.map((offer) => offer.module))]
    if (modules.length === 0) return []
    const filter = { state: 'open' as const, module: modules.length === 1 ? modules[0] : { $in: modules } }
    return deps.store.queue.find(filter, { sort: { rank: 1 }, limit: entriesAtOnce + passed.size })
  }
  const roomy = offers.filter((offer) => offer.max > 0)
  const cramped = offers.filter((offer) => offer.max === 0)
  const [fitting, waiting] = await Promise.all([open(roomy), open(cramped)])
  return pickEntry({ fitting, waiting, roomy, cramped, passed })
}

/** `next`: not this one. `nothing`: the installation is full. `duplicate`: this claim takes another run already. */
async function take(
  deps: Deps,
  agent: AgentDoc,
  claimId: string,
  entry: QueueDoc,
  offer: Offer,
  known: readonly SlotDoc[],
): Promise<TaskDoc | 'next' | 'nothing' | 'duplicate'> {
  const holder: Holder = {
    run: entry._id,
    claimId,
    agent: agent._id,
    at: deps.clock.now(),
    attempt: deps.random().toString(36),
  }
  const decide = (task: TaskDoc) => {
    const now = deps.clock.now()
    return now.getTime() - holder.at.getTime() > claimPatienceMs
      ? null
      : decideClaim(task, entry, agent, claimId, offer, now)
  }
  const [{ held, full, isDuplicate }, waiting] = await Promise.all([
    takeSlots(deps, await slotsFor(deps, entry, known), holder),
    readyTask(deps, entry),
  ])
  const fits = waiting !== null && (await fitsOffer(deps, waiting, offer))
  const change = full || isDuplicate || !fits ? null : await deps.store.tasks.change(waiting, decide)
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

/** Gives back the places that were taken, and has a look at the task: an entry that nobody may claim any more goes. */
async function releaseSlots(
  deps: Deps,
  entry: QueueDoc,
  holder: Holder,
  held: readonly string[],
): Promise<TaskDoc | null> {
  await release(deps, held, (one) => one.run === holder.run && one.attempt === holder.attempt)
  const task = await deps.store.tasks.get(entry.task)
  if (!task || !isToCome(task, entry._id)) await removeUnclaimed(deps, task, entry._id)
  return task
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

/** Up to the first one that is full, or that a duplicate claim was faster at. */
async function takeSlots(deps: Deps, slots: readonly SlotDoc[], holder: Holder) {
  const held: string[] = []
  for (const slot of slots) {
    const taken = await takeSlot(deps, slot, holder)
    if (taken !== 'taken')
      return { held, full: taken === 'full' ? slot._id : null, isDuplicate: taken === 'duplicate' }
    held.push(slot._id)
    deps.failpoint(slot._id === globalSlot ? 'claim.global-slot-taken' : 'claim.module-slot-taken')
  }
  return { held, full: null, isDuplicate: false }
}

/** An entry counts only while its task is queued with that attempt and nothing is left to be settled. */
export function decideClaim(
  task: TaskDoc,
  entry: QueueDoc,
  agent: AgentDoc,
  claimId: string,
  offer: Offer,
  now: Date,
): TaskDoc | null {
  if (task.status !== 'queued' || task.currentRun !== entry._id || task.settle) return null
  return move(task, 'running', now, {
    claimId,
    sessionId: agent.sessionId,
    agentId: agent._id,
    lostRun: null,
    ranVersion: offer.version,
    ranDigest: offer.digest,
    startedAt: now,
  })
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
