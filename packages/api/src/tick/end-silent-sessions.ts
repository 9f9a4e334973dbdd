import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { expireRunOf } from '../operations/agents/agent-runs.ts'
import { endSession } from '../operations/agents/session.ts'
import { globalSlot } from '../operations/queue/slots.ts'

const notesId = 'tick'
const Notes = z.object({ receivingSince: z.coerce.date() })
/** A longer silence of the tick itself, which runs every second, means that heartbeats could not be received. */
const gapMs = (deps: Deps): number => Math.max(2_500, deps.limits.sessionTtlSeconds * 250)
/** A note of every tick would be a write a second for nothing. */
const noteEveryMs = 1_500

/**
 * Ends sessions that were silent for too long, but only after heartbeats could be received for as long
 * without a break: after an outage of the API every agent gets its full time again.
 */
export async function endSilentSessions(deps: Deps): Promise<void> {
  const at = deps.clock.now()
  const receivingSince = await noteTick(deps, at)
  const now = at.getTime()
  const ttlMs = deps.limits.sessionTtlSeconds * 1000
  if (now - receivingSince.getTime() < ttlMs) return
  const silent = await deps.store.agents.find(
    { sessionEndedAt: null, lastSeenAt: { $lt: new Date(now - ttlMs) } },
    { limit: 100 },
  )
  for (const agent of silent) await endSession(deps, agent, at)
  await expireOrphans(deps)
}

async function noteTick(deps: Deps, now: Date): Promise<Date> {
  const fresh = JSON.stringify({ receivingSince: now })
  const notes = await deps.store.meta.get(notesId)
  if (!notes) {
    await deps.store.meta.insert({ _id: notesId, rev: 1, at: now, json: fresh })
    return now
  }
  const age = now.getTime() - notes.at.getTime()
  if (age >= noteEveryMs) {
    await deps.store.meta.change(notes, (current) => ({
      ...current,
      at: now,
      json: age > gapMs(deps) ? fresh : current.json,
    }))
  }
  return age > gapMs(deps) ? now : Notes.parse(JSON.parse(notes.json)).receivingSince
}

/** Running tasks whose session is not live any more: the crash of an API may have ended one half way. */
async function expireOrphans(deps: Deps): Promise<void> {
  const slot = await deps.store.slots.get(globalSlot)
  const agents = new Map(
    (await deps.store.agents.many([...new Set(slot?.holders.map((holder) => holder.agent))])).map((agent) => [
      agent._id,
      agent,
    ]),
  )
  for (const holder of slot?.holders ?? []) {
    const agent = agents.get(holder.agent)
    if (agent?.sessionEndedAt) await expireRunOf(deps, agent, holder.run)
  }
}
