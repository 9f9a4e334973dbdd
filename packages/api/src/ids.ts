import { createHash } from 'node:crypto'
import type { AgentId, DataId, KeyId, SessionId, TaskId } from '@millrace/shared'
import { monotonicFactory } from 'ulid'

/** Makes ids. Within one factory they ascend. */
export type NewIds = {
  data(): DataId
  task(): TaskId
  agent(): AgentId
  session(): SessionId
  key(): KeyId
}

const ascending = monotonicFactory()
export const newIds: NewIds = idsFrom(ascending)

/** Ids that come out the same each time: a repeated request makes what the first one made. */
export function repeatableIds(seedMs: number, secret: string): NewIds {
  let count = 0
  const bytes = () => createHash('sha256').update(`${secret}\n${count++}`).digest()
  let pool = bytes()
  let at = 0
  const random = () => {
    if (at === pool.length) {
      pool = bytes()
      at = 0
    }
    return (pool[at++] ?? 0) / 256
  }
  const factory = monotonicFactory(random)
  return idsFrom(() => factory(seedMs))
}

function idsFrom(ulid: () => string): NewIds {
  return {
    data: () => `dat_${ulid()}`,
    task: () => `tsk_${ulid()}`,
    agent: () => `agt_${ulid()}`,
    session: () => `ses_${ulid()}`,
    key: () => `key_${ulid()}`,
  }
}
