import type { Caller } from '../operations/access/caller.ts'
import type { Ctx } from './env.ts'

/** The caller of this request, for operations. */
export const callerOf = (c: Ctx): Caller => ({
  apiKey: c.var.principal.id,
  grant: c.var.principal.grant,
  requestId: c.var.requestId,
  ids: c.var.ids,
  repeated: c.var.repeated,
  replayed: c.var.replayed,
})
