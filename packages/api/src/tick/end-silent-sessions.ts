import { z } from 'zod'
import { expireRunOf } from '../operations/agents/agent-runs.ts'
import type { AgentPorts } from '../operations/agents/ports.ts'
import { endSession } from '../operations/agents/session.ts'
import { globalSlot } from '../operations/queue/slots.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'

const notesId = 'tick'
const Notes = z.object({ receivingSince: z.coerce.date() })
/** The tick runs every second: a longer gap means that the API could not receive heartbeats. */
const gapMs = (ports: AgentPorts): number => Math.max(2_500, ports.limits.sessionTtlSeconds * 250)
/** Noting every tick would cost a write a second. */
const noteEveryMs = 1_500

/**
 * Expires sessions that were silent for too long, but only if the API could receive heartbeats all that time: after an
 * outage of the API every agent gets its full time again.
 */
export async function endSilentSessions(ports: AgentPorts): Promise<void> {
  const at = ports.clock.now()
  const receivingSince = await noteTick(ports, at)
  const now = at.getTime()
  const ttlMs = ports.limits.sessionTtlSeconds * 1000
  if (now - receivingSince.getTime() < ttlMs) return
  const silent = await ports.store.agents.find(
    { sessionEndedAt: null, lastSeenAt: { $lt: new Date(now - ttlMs) } },
    { limit: 100 },
  )
  for (const agent of silent) await endSession(ports, agent, at)
  await expireOrphans(ports)
}

async function noteTick(ports: AgentPorts, now: Date): Promise<Date> {
  const fresh = JSON.stringify({ receivingSince: now })
  const notes = await ports.store.meta.get(notesId)
  if (!notes) {
    await ports.store.meta.insert({ _id: notesId, rev: 1, at: now, json: fresh })
    return now
  }
  const age = now.getTime() - notes.at.getTime()
  if (age >= noteEveryMs) {
    await ports.store.meta.change(notes, (current) => ({
      ...current,
      at: now,
      json: age > gapMs(ports) ? fresh : current.json,
    }))
  }
  return age > gapMs(ports) ? now : Notes.parse(JSON.parse(notes.json)).receivingSince
}

/** Running tasks whose session has ended: an API process may have crashed while it expired one. */
async function expireOrphans(ports: SettlePorts): Promise<void> {
  const slot = await ports.store.slots.get(globalSlot)
  const agents = new Map(
    (await ports.store.agents.many([...new Set(slot?.holders.map((holder) => holder.agent))])).map(
      (agent) => [agent._id, agent],
    ),
  )
  for (const holder of slot?.holders ?? []) {
    const agent = agents.get(holder.agent)
    if (agent?.sessionEndedAt) await expireRunOf(ports, agent, holder.run)
  }
}
