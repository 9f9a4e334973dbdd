import type { Deps } from '../deps.ts'
import { onceAMinute } from './once-a-minute.ts'

const atOnce = 500

/** A ticket that is over opens nothing. MongoDB removes it by itself; a database that does not is helped here. */
export const removeOldTickets = onceAMinute('remove-old-tickets', async (deps: Deps) => {
  const over = await deps.store.tickets.find({ expiresAt: { $lte: deps.clock.now() } }, { limit: atOnce })
  for (const ticket of over) await deps.store.tickets.remove(ticket._id)
})
