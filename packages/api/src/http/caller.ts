import type { Caller } from '../operations/access/caller.ts'
import type { Ctx } from './env.ts'

/** Who makes what this request asks for. */
export const callerOf = (c: Ctx): Caller => ({
  apiKey: c.var.principal.id,
  grant: c.var.principal.grant,
  requestId: c.var.requestId,
  ids: c.var.ids,
  repeated: c.var.repeated,
  replayed: c.var.replayed,
})
