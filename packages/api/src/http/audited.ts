import type { Ports } from '../ports.ts'
import type { Endpoint } from './endpoint.ts'
import type { Ctx } from './env.ts'

const longestDetail = 4 * 1024

/**
 * Writes down who did what, before the answer: whoever was told that it is done finds it in the list. A process that
 * dies between the act and this write leaves the act alone; the same request again, with its Idempotency-Key, is
 * written down then. One that repeats what is done does nothing, and is not.
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
    subject: firstParam(c) ?? (await createdId(answer)),
    detail: detailOf(c),
    keyId,
    grant: grant?._id ?? null,
    requestId: c.var.requestId,
    path: c.req.path,
    status: answer.status,
  })
  return answer
}

/** What the path names. */
const firstParam = (c: Ctx): string | undefined => Object.values(c.req.param())[0]

/** What was made is told in the answer, under its own name. */
async function createdId(answer: Response): Promise<string | null> {
  if (answer.status !== 201) return null
  const told: unknown = await answer.clone().json()
  const [first] = Object.values(told ?? {})
  return typeof first?.id === 'string' ? first.id : null
}

function detailOf(c: Ctx): string | null {
  if (!c.var.auditDetail) return null
  const json = JSON.stringify(c.var.auditDetail)
  return Buffer.byteLength(json) <= longestDetail ? json : JSON.stringify({ truncated: true })
}
