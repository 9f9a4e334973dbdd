import type { Deps } from '../deps.ts'
import { newIds } from '../ids.ts'
import type { Endpoint } from './endpoint.ts'
import type { Ctx } from './env.ts'

/**
 * Writes down who did what, before the answer: whoever was told that it is done finds it in the list. A process that
 * dies between the act and this write leaves the act alone.
 */
export async function withAudit(
  deps: Deps,
  c: Ctx,
  one: Endpoint,
  handle: () => Promise<Response>,
): Promise<Response> {
  const answer = await handle()
  if (!one.audit || answer.status >= 300) return answer
  const { id: keyId, grant } = c.var.principal
  await deps.store.audit.insert({
    _id: newIds.audit(),
    rev: 1,
    at: deps.clock.now(),
    action: one.audit,
    subject: c.req.param('id') ?? (await createdId(answer)),
    keyId,
    grant: grant?._id ?? null,
    requestId: c.var.requestId,
    path: c.req.path,
    status: answer.status,
  })
  return answer
}

/** What was made is told in the answer, under its own name. */
async function createdId(answer: Response): Promise<string | null> {
  if (answer.status !== 201) return null
  const told: unknown = await answer.clone().json()
  const [first] = Object.values(told ?? {})
  return typeof first?.id === 'string' ? first.id : null
}
