import { z } from 'zod'

/** Every id is a prefix and a ULID, so that ids sort by creation time. */
const ulid = '[0-9A-HJKMNP-TV-Z]{26}'

const idOf = <P extends string>(prefix: P) =>
  z.templateLiteral([prefix, '_', z.string().regex(new RegExp(`^${ulid}$`))])

export const DataId = idOf('dat')
export type DataId = z.infer<typeof DataId>
export const TaskId = idOf('tsk')
export type TaskId = z.infer<typeof TaskId>
export const AgentId = idOf('agt')
export type AgentId = z.infer<typeof AgentId>
export const SessionId = idOf('ses')
export type SessionId = z.infer<typeof SessionId>
export const KeyId = idOf('key')
export type KeyId = z.infer<typeof KeyId>
export const GrantId = idOf('grt')
export type GrantId = z.infer<typeof GrantId>
export const BatchId = idOf('bat')
export type BatchId = z.infer<typeof BatchId>
export const BulkJobId = idOf('job')
export type BulkJobId = z.infer<typeof BulkJobId>
export const ScheduleId = idOf('sch')
export type ScheduleId = z.infer<typeof ScheduleId>
export const WebhookId = idOf('whk')
export type WebhookId = z.infer<typeof WebhookId>
export const AuditId = idOf('aud')
export type AuditId = z.infer<typeof AuditId>

/** A run is one attempt of a task: `<task>.<attempt>`. */
export const RunId = z
  .templateLiteral([TaskId, '.', z.number().int().positive()])
  .refine((id) => /\.[1-9]\d{0,8}$/.test(id), 'a task id, a dot and the number of the attempt')
export type RunId = z.infer<typeof RunId>

export const runIdOf = (task: TaskId, attempt: number): RunId => `${task}.${attempt}`

export function parseRunId(run: RunId): { task: TaskId; attempt: number } {
  const dot = run.lastIndexOf('.')
  return { task: TaskId.parse(run.slice(0, dot)), attempt: Number(run.slice(dot + 1)) }
}
