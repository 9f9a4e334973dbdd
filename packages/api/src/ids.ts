import { createHash, randomFillSync } from 'node:crypto'
import type {
  AgentId,
  AuditId,
  BatchId,
  BulkJobId,
  DataId,
  GrantId,
  KeyId,
  ScheduleId,
  SessionId,
  TaskId,
  WebhookId,
} from '@millrace/shared'
import { monotonicFactory } from 'ulid'

/** Makes ids. Within one factory they ascend. */
export type NewIds = {
  data(): DataId
  task(): TaskId
  agent(): AgentId
  session(): SessionId
  key(): KeyId
  grant(): GrantId
  ticket(): `tkt_${string}`
  batch(): BatchId
  bulkJob(): BulkJobId
  schedule(): ScheduleId
  webhook(): WebhookId
  audit(): AuditId
}

/** An id without a prefix. Each is greater than the one before. */
export const newUlid: () => string = monotonicFactory(randomFrom(new Uint8Array(4096)))
export const newIds: NewIds = idsFrom(newUlid)

/** Numbers from 0 to 1, from bytes drawn in bulk: a system call for each character of an id is slow. */
function randomFrom(pool: Uint8Array): () => number {
  let at = pool.length
  return () => {
    if (at === pool.length) {
      randomFillSync(pool)
      at = 0
    }
    return (pool[at++] ?? 0) / 256
  }
}

/** Deterministic ids: a repeated request makes the ids of the first one. */
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
    grant: () => `grt_${ulid()}`,
    ticket: () => `tkt_${ulid()}`,
    batch: () => `bat_${ulid()}`,
    bulkJob: () => `job_${ulid()}`,
    schedule: () => `sch_${ulid()}`,
    webhook: () => `whk_${ulid()}`,
    audit: () => `aud_${ulid()}`,
  }
}
