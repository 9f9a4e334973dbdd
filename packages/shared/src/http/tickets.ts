import { z } from 'zod'
import type { Calls } from './call.ts'

export const ticketSeconds = 60

export const CreateTicket = z.strictObject({
  path: z
    .string()
    .min(1)
    .max(4096)
    .describe(
      'the path from /api/ on, with its query, that a key of scope read may GET, e.g. /api/data/dat_…/content',
    ),
})
export const TicketCreated = z.object({
  ticket: z.string().nullable().describe('append it to the path as ?ticket= or &ticket=; shown once'),
  expiresAt: z.iso.datetime(),
})
export type TicketCreated = z.infer<typeof TicketCreated>

/** Tokens for one path, for callers that cannot send headers. */
export const ticketCalls = {
  createTicket: {
    method: 'POST',
    path: '/api/tickets',
    tag: 'Tickets',
    summary: 'Create a ticket that opens one path without a key for 60 s',
    scope: 'read',
    body: CreateTicket,
    example: { path: '/api/data/dat_01ARZ3NDEKTSV4RRFFQ69G5FAV/content' },
    idempotent: true,
    openToGrants: true,
    answers: { 201: { description: 'Append it as ?ticket= or &ticket=', json: TicketCreated } },
  },
} as const satisfies Calls
