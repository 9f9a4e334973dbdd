import type { Context } from 'hono'
import type { Logger } from 'pino'
import type { NewIds } from '../ids.ts'
import type { Budget } from './budget.ts'
import type { Principal } from './principal.ts'

/** A body as JSON, and the length of its text. */
export type Body = { value: unknown; chars: number }

export type Env = {
  /** Set by Node's server; other runtimes have no bindings. */
  Bindings: { incoming?: { socket: { remoteAddress?: string } } }
  Variables: {
    requestId: string
    logger: Logger
    /** The pattern of a known route, never a caller's path: each value takes memory and a line in every scrape. */
    route: string
    principal: Principal
    ids: NewIds
    budget: Budget
    /** Whether the key or grant of a long answer is still valid. */
    stillAllowed(): Promise<boolean>
    /** Set by the first reader. */
    body: Promise<Body> | undefined
    /** Further details for the audit entry of the request. */
    auditDetail: Record<string, unknown> | undefined
    /** This request repeats one that succeeded. */
    replayed: boolean
    /** An earlier request with the same Idempotency-Key may have done all or part of this. */
    repeated: boolean
  }
}
export type Ctx = Context<Env>
