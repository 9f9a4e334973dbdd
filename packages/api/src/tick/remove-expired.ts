import type { Ports } from '../ports.ts'
import { onceAMinute } from './once-a-minute.ts'

const atOnce = 500
const dayMs = 24 * 3600 * 1000
/** As long as a process that was replaced may still be told so. */
const sessionsMs = 30 * dayMs

/**
 * What is over and opens nothing: MongoDB removes most of it by itself (`expireAfterSeconds`), a database that does
 * not is helped here. A ticket is over at its end, a request by key after a day, a grant is shown for a week more,
 * a delivery for a month after it was made or given up.
 */
export const removeExpired = onceAMinute('remove-expired', async (ports: Ports) => {
  const { tickets, idempotency, grants, deliveries } = ports.store
  const now = ports.clock.now().getTime()
  const limit = { limit: atOnce }
  for (const one of await tickets.find({ expiresAt: { $lte: new Date(now) } }, limit))
    await tickets.remove(one._id)
  for (const one of await idempotency.find({ at: { $lte: new Date(now - dayMs) } }, limit))
    await idempotency.removeUnchanged(one)
  for (const one of await grants.find({ expiresAt: { $lte: new Date(now - 7 * dayMs) } }, limit))
    await grants.remove(one._id)
  for (const one of await deliveries.find({ expiresAt: { $lte: new Date(now) } }, limit))
    await deliveries.removeUnchanged(one)
  await removeOldSessions(ports, new Date(now - sessionsMs))
})

/** But for those that agents are in. */
async function removeOldSessions({ store }: Ports, before: Date): Promise<void> {
  const old = await store.sessions.find(
    { createdAt: { $lte: before } },
    { sort: { createdAt: 1 }, limit: atOnce },
  )
  const agents = await store.agents.many([...new Set(old.map((session) => session.agent))])
  const current = new Set(agents.map((agent) => agent.sessionId))
  for (const session of old) if (!current.has(session._id)) await store.sessions.remove(session._id)
}
