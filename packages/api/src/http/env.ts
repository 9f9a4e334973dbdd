import type { Context } from 'hono'
import type { Logger } from 'pino'
import type { NewIds } from '../ids.ts'
import type { Budget } from './budget.ts'
import type { Principal } from './principal.ts'

/** A body as JSON, and the length of its text. */
export type Body = { value: unknown; chars: number }

export type Env = {
  /** What Node's server gives; other runtimes have none of it. */
  Bindings: { incoming?: { socket: { remoteAddress?: string } } }
  Variables: {
    requestId: string
    logger: Logger
    /** A path of ours, never one that a stranger made up: each is kept in memory and in every scrape. */
    route: string
    principal: Principal
    ids: NewIds
    budget: Budget
    /** Whether the key or grant of an answer that lasts is still good. */
    stillAllowed(): Promise<boolean>
    /** Read by whoever asks first. */
    body: Promise<Body> | undefined
    /** What the audit list will say of the request beside who and what. */
    auditDetail: Record<string, unknown> | undefined
    /** This request repeats one that already ended well. */
    replayed: boolean
    /** An earlier request with the same Idempotency-Key may have done this already, in part or whole. */
    repeated: boolean
  }
}
export type Ctx = Context<Env>
