import type { Ports } from '../ports.ts'
import { onceAMinute } from './once-a-minute.ts'

const atOnce = 500
const dayMs = 24 * 3600 * 1000
/** How long the API can answer a replaced process that it was replaced. */
const sessionsMs = 30 * dayMs

/**
 * Removes expired documents. MongoDB removes most of them itself (`expireAfterSeconds`); some databases with its
 * protocol do not. A ticket expires at its end, an idempotency key after a day, a grant a week after its end, a delivery
 * a month after its last attempt.
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

/** Except for the current session of an agent. */
async function removeOldSessions({ store }: Ports, before: Date): Promise<void> {
  const old = await store.sessions.find(
    { createdAt: { $lte: before } },
    { sort: { createdAt: 1 }, limit: atOnce },
  )
  const agents = await store.agents.many([...new Set(old.map((session) => session.agent))])
  const current = new Set(agents.map((agent) => agent.sessionId))
  for (const session of old) if (!current.has(session._id)) await store.sessions.remove(session._id)
}
