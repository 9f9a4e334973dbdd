import type { NewIds } from '../../ids.ts'
import type { GrantDoc } from '../../store/documents/access.ts'

/** Who makes something. `repeated`: an earlier request may have made the same already. `replayed`: it has, for certain. */
export type Caller = {
  apiKey: string
  grant: GrantDoc | null
  requestId: string
  ids: NewIds
  repeated: boolean
  replayed: boolean
}
