import type { NewIds } from '../../ids.ts'
import type { GrantDoc } from '../../store/documents/access.ts'

/** The caller of a request. `repeated`: an earlier request may have done the same. `replayed`: it has. */
export type Caller = {
  apiKey: string
  grant: GrantDoc | null
  requestId: string
  ids: NewIds
  repeated: boolean
  replayed: boolean
}
