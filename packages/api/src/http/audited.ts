import type { Ports } from '../ports.ts'
import type { Endpoint } from './endpoint.ts'
import type { Ctx } from './env.ts'

const longestDetail = 4 * 1024

/**
 * Records an action before the answer, so that a caller with an answer finds its entry in the audit list. If the process
 * dies between the action and this write, the entry is missing; a repeated request with the same Idempotency-Key adds it.
 * A repetition of a recorded request adds nothing.
 */
export async function withAudit(
  ports: Ports,
  c: Ctx,
  one: Endpoint,
  handle: () => Promise<Response>,
): Promise<Response> {
  const answer = await handle()
  if (!one.audit || answer.status >= 300 || c.var.replayed) return answer
  const { id: keyId, grant } = c.var.principal
  await ports.store.audit.insert({
    _id: c.var.ids.audit(),
    rev: 1,
    at: ports.clock.now(),
    action: one.audit,
    subject: (one.subject && c.req.param(one.subject)) ?? (await createdId(answer)),
    detail: detailOf(c),
    keyId,
    grant: grant?._id ?? null,
    requestId: c.var.requestId,
    path: c.req.path,
    status: answer.status,
  })
  return answer
}

/** The id of the created object: the first member of the answer contains it. */
async function createdId(answer: Response): Promise<string | null> {
  if (answer.status !== 201) return null
  const body: unknown = await answer.clone().json()
  const [first] = Object.values(body ?? {})
  return typeof first?.id === 'string' ? first.id : null
}

function detailOf(c: Ctx): string | null {
  if (!c.var.auditDetail) return null
  const json = JSON.stringify(c.var.auditDetail)
  return Buffer.byteLength(json) <= longestDetail ? json : JSON.stringify({ truncated: true })
}
