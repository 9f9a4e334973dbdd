import { z } from 'zod'

export const ticketSeconds = 60

export const CreateTicket = z.strictObject({
  path: z
    .string()
    .min(1)
    .max(4096)
    .describe(
      'from /api/ on, with its query: what a key of scope read may GET, e.g. /api/data/dat_…/content',
    ),
})
export const TicketCreated = z.object({
  ticket: z.string().nullable().describe('append it to the path as ?ticket= or &ticket=; shown once'),
  expiresAt: z.iso.datetime(),
})
