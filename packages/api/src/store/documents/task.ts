import {
  AgentId,
  Backoff,
  BatchId,
  DataId,
  DataType,
  GrantId,
  OutputFile,
  Priority,
  RunId,
  SessionId,
  TaskError,
  TaskId,
  TaskStatus,
  TaskWebhook,
} from '@millrace/shared'
import { z } from 'zod'
import { doc, JsonText } from './base.ts'
import { RunEnd } from './run.ts'

export const StoredInput = z.union([z.object({ data: DataId }), z.object({ json: JsonText })])
export type StoredInput = z.infer<typeof StoredInput>

export const StoredOutput = z.union([
  z.object({ json: JsonText }),
  z.object({ file: OutputFile }),
  z.object({ files: z.array(OutputFile) }),
])
export type StoredOutput = z.infer<typeof StoredOutput>

/** The place of a task in the queue. It has one exactly while it is queued. */
export const QueueEntry = z.object({
  rank: z.string(),
  state: z.enum(['open', 'parked']),
  until: z.date().nullable().describe('parked until then'),
  slot: z.string().nullable().describe('parked until this slot has room'),
})
export type QueueEntry = z.infer<typeof QueueEntry>

const unsure = z
  .boolean()
  .optional()
  .describe('its outputs and its run may be missing: the marker replaced one that says so')

/** What must still follow a write (an outbox entry), kept in the written document, so that any process can finish it. */
export const TaskMarker = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('admit') }),
  z.object({ kind: z.literal('create') }),
  z.object({ kind: z.literal('batch'), batch: BatchId }),
  z.object({ kind: z.literal('revive') }),
  z.object({ kind: z.literal('requeue'), run: RunId, end: RunEnd, unsure }),
  z.object({ kind: z.literal('resume'), run: RunId, waiting: RunId }),
  z.object({
    kind: z.literal('terminal'),
    run: RunId.nullable(),
    end: RunEnd.nullable(),
    waiting: RunId.nullable(),
    unsure,
  }),
])
export type TaskMarker = z.infer<typeof TaskMarker>

export const TaskDoc = z.object({
  _id: TaskId,
  ...doc,
  apiKey: z.string(),
  grant: GrantId.nullable().default(null).describe('created with the token of this grant'),
  requestId: z.string(),
  label: z.string(),
  module: z.string(),
  version: z.string().nullable().describe('the version asked for; null when none was'),
  checkedAgainst: z.string().nullable().default(null).describe('version whose manifest its inputs fit'),
  priority: Priority,
  inputs: z.record(z.string(), z.union([StoredInput, z.array(StoredInput)])),
  reads: z.array(DataId).default([]).describe('the data items among the inputs, to find a task by'),
  outputs: z.record(
    z.string(),
    z.object({
      data: DataId,
      type: DataType,
      isFile: z.boolean(),
      format: z
        .array(z.string())
        .nullable()
        .default(null)
        .describe('that its files have, where the module says'),
      label: z.string(),
      tags: z.array(z.string()),
    }),
  ),
  optionalOutputs: z.array(z.string()),
  after: z.array(TaskId),
  onUpstreamFailure: z.enum(['skip', 'fail', 'run']),
  maxAttempts: z.number(),
  backoff: Backoff,
  timeoutSeconds: z.number(),
  notBefore: z.date().nullable(),
  concurrencyKey: z.string().nullable(),
  concurrencyLimit: z.number().nullable(),
  tags: z.array(z.string()),
  webhook: TaskWebhook.nullable().default(null),
  status: TaskStatus,
  attempt: z.number(),
  round: z.number(),
  failures: z.number(),
  losses: z.number(),
  currentRun: RunId.nullable(),
  place: z.number().default(0).describe('fair-queue position; further attempts of its round keep it'),
  entry: QueueEntry.nullable().default(null),
  lostRun: RunId.nullable().describe('an expired run that may still report: no agent claimed the task since'),
  alone: z
    .boolean()
    .default(false)
    .describe('its last run ran out of memory: the next has the GPU for itself'),
  retries: z.array(z.string()).default([]).describe('requests that began a new round, the newest last'),
  appliedRun: RunId.nullable().describe('the last run whose report took effect'),
  claimId: z.string().nullable(),
  sessionId: SessionId.nullable(),
  agentId: AgentId.nullable(),
  ranVersion: z.string().nullable(),
  ranDigest: z.string().nullable(),
  waitingFor: z.array(z.union([DataId, TaskId])),
  result: z.record(z.string(), StoredOutput).nullable(),
  error: TaskError.nullable(),
  settle: TaskMarker.nullable(),
  history: z
    .array(
      z.object({
        n: z.number().optional().describe('number among all entries ever; only the newest are kept'),
        status: TaskStatus,
        attempt: z.number(),
        run: RunId.nullish().describe(
          'the run of this entry; an expired run may continue under a later attempt',
        ),
        at: z.date(),
      }),
    )
    .describe('the newest 200 states'),
  cancelRequestedAt: z.date().nullable(),
  createdAt: z.date(),
  queuedAt: z.date().nullable(),
  startedAt: z.date().nullable(),
  finishedAt: z.date().nullable(),
  updatedAt: z.date(),
})
export type TaskDoc = z.infer<typeof TaskDoc>
