import {
  AgentCommand,
  AgentId,
  Backoff,
  DataId,
  DataStatus,
  DataType,
  Gpu,
  HealthCheck,
  KeyId,
  LogLine,
  ModuleStatus,
  OutputFile,
  Platform,
  Priority,
  Progress,
  RunId,
  RunLog,
  RunStatus,
  RunUsage,
  Scope,
  SessionId,
  TaskError,
  TaskId,
  TaskStatus,
} from '@millrace/shared'
import { z } from 'zod'

/**
 * What lies in MongoDB. Values that users chose are kept as their JSON text, so that every depth, key and number
 * comes back exactly as it went in.
 */
const JsonText = z.string()
const doc = { rev: z.number().int() }

export const StoredInput = z.union([z.object({ data: DataId }), z.object({ json: JsonText })])
export type StoredInput = z.infer<typeof StoredInput>

export const StoredOutput = z.union([
  z.object({ json: JsonText }),
  z.object({ file: OutputFile }),
  z.object({ files: z.array(OutputFile) }),
])
export type StoredOutput = z.infer<typeof StoredOutput>

/** How a run ended: what its run document is to say. */
export const RunEnd = z.object({
  status: RunStatus,
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
  error: TaskError.nullable(),
  usage: RunUsage.nullable(),
  log: RunLog.nullable(),
  logSaved: z.boolean().describe('the complete log lies in the object store'),
  startedAt: z.date().nullable(),
  finishedAt: z.date(),
})
export type RunEnd = z.infer<typeof RunEnd>

/** What must still follow a write, kept in the written document, so that anybody can carry on. */
export const TaskMarker = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('admit') }),
  z.object({ kind: z.literal('requeue'), run: RunId, end: RunEnd, until: z.date().nullable() }),
  z.object({ kind: z.literal('resume'), run: RunId, waiting: RunId }),
  z.object({
    kind: z.literal('terminal'),
    run: RunId.nullable(),
    end: RunEnd.nullable(),
    waiting: RunId.nullable(),
  }),
])
export type TaskMarker = z.infer<typeof TaskMarker>

export const TaskDoc = z.object({
  _id: TaskId,
  ...doc,
  apiKey: z.string(),
  requestId: z.string(),
  label: z.string(),
  module: z.string(),
  version: z.string().nullable().describe('the version asked for; null when none was'),
  priority: Priority,
  inputs: z.record(z.string(), z.union([StoredInput, z.array(StoredInput)])),
  reads: z.array(DataId).default([]).describe('the data items among the inputs, to find a task by'),
  outputs: z.record(
    z.string(),
    z.object({
      data: DataId,
      type: DataType,
      isFile: z.boolean(),
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
  status: TaskStatus,
  attempt: z.number(),
  round: z.number(),
  failures: z.number(),
  losses: z.number(),
  currentRun: RunId.nullable(),
  lostRun: RunId.nullable().describe('a lost run that may still come back: nobody claimed since'),
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
  history: z.array(z.object({ status: TaskStatus, attempt: z.number(), at: z.date() })),
  cancelRequestedAt: z.date().nullable(),
  createdAt: z.date(),
  queuedAt: z.date().nullable(),
  startedAt: z.date().nullable(),
  finishedAt: z.date().nullable(),
  updatedAt: z.date(),
})
export type TaskDoc = z.infer<typeof TaskDoc>

export const RunDoc = z.object({
  _id: RunId,
  ...doc,
  task: TaskId,
  attempt: z.number(),
  module: z.string(),
  version: z.string().nullable(),
  digest: z.string().nullable(),
  agentId: AgentId.nullable(),
  status: RunStatus,
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
  error: TaskError.nullable(),
  nextRun: RunId.nullable(),
  createdAt: z.date(),
  startedAt: z.date().nullable(),
  finishedAt: z.date().nullable(),
  usage: RunUsage.nullable(),
  log: RunLog.nullable(),
  archive: z
    .enum(['none', 'due', 'done'])
    .describe('where the complete log is: nowhere yet, to be saved, in S3'),
})
export type RunDoc = z.infer<typeof RunDoc>

/** A hint that an attempt may be claimed. It counts only while the task agrees. */
export const QueueDoc = z.object({
  _id: RunId,
  ...doc,
  task: TaskId,
  module: z.string(),
  version: z.string().nullable(),
  priority: Priority,
  rank: z.string(),
  concurrencyKey: z.string().nullable(),
  concurrencyLimit: z.number().nullable(),
  queuedAt: z.date(),
  state: z.enum(['open', 'parked']),
  until: z.date().nullable(),
  slot: z.string().nullable(),
})
export type QueueDoc = z.infer<typeof QueueDoc>

export const Holder = z.object({ run: RunId, claimId: z.string(), agent: AgentId, at: z.date() })
export type Holder = z.infer<typeof Holder>
export const SlotDoc = z.object({ _id: z.string(), ...doc, limit: z.number(), holders: z.array(Holder) })
export type SlotDoc = z.infer<typeof SlotDoc>

export const DataDoc = z.object({
  _id: DataId,
  ...doc,
  apiKey: z.string(),
  label: z.string(),
  type: DataType,
  isFile: z.boolean(),
  status: DataStatus,
  before: DataStatus.nullish().describe('while it is `deleting`: where it goes back to'),
  json: JsonText.nullable(),
  object: z.string().nullable().describe('key in the object store'),
  contentType: z.string().nullable(),
  size: z.number().nullable(),
  sha256: z.string().nullable().describe('promised while uploading, verified by the store afterwards'),
  fileName: z.string().nullable(),
  width: z.number().nullish(),
  height: z.number().nullish(),
  items: z.array(DataId).nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  producer: z.object({ taskId: TaskId, output: z.string() }).nullable(),
  round: z.number(),
  multipart: z
    .object({ partSize: z.number(), uploadId: z.string().nullable(), checksums: z.boolean() })
    .nullable()
    .default(null)
    .describe('a file that comes in parts; its upload begins in the store with the first URLs'),
  uploads: z.number().describe('how many upload URLs were given out; the newest has this number'),
  settle: z.object({ kind: z.literal('admit-waiting') }).nullable(),
  tags: z.array(z.string()),
  createdAt: z.date(),
  updatedAt: z.date(),
  expiresAt: z.date().nullable(),
})
export type DataDoc = z.infer<typeof DataDoc>

export const ModuleEntry = z.object({
  agentId: AgentId,
  version: z.string(),
  digest: z.string(),
  status: ModuleStatus,
  manifest: JsonText.nullable(),
  path: z.string(),
  pythonExec: z.string().nullable(),
  error: z.string().nullable(),
  healthCheck: HealthCheck.nullable(),
  installSeconds: z.number().nullable(),
})
export type ModuleEntry = z.infer<typeof ModuleEntry>
export const ModuleDoc = z.object({
  _id: z.string(),
  ...doc,
  entries: z.array(ModuleEntry),
  createdAt: z.date(),
  updatedAt: z.date(),
})
export type ModuleDoc = z.infer<typeof ModuleDoc>

export const InstallLogDoc = z.object({
  _id: z.string(),
  ...doc,
  lines: z.array(LogLine),
  updatedAt: z.date(),
})
export type InstallLogDoc = z.infer<typeof InstallLogDoc>

export const AgentDoc = z.object({
  _id: AgentId,
  ...doc,
  keyId: KeyId,
  name: z.string(),
  platform: Platform,
  version: z.string(),
  labels: z.array(z.string()),
  gpus: z.array(Gpu),
  capacity: z.number().nullable(),
  sessionId: SessionId,
  instanceId: z.string(),
  sessionStartedAt: z.date(),
  lastSeenAt: z.date(),
  sessionEndedAt: z.date().nullable(),
  runs: z.array(z.object({ runId: RunId, progress: Progress.nullable() })),
  missing: z.array(RunId).describe('runs that the last heartbeat should have named and did not'),
  modules: z.array(
    z.object({ name: z.string(), version: z.string(), digest: z.string(), status: ModuleStatus }),
  ),
  commands: z.array(AgentCommand),
  createdAt: z.date(),
  updatedAt: z.date(),
})
export type AgentDoc = z.infer<typeof AgentDoc>

/** Which agent a session was of, for telling a replaced process that it is replaced. */
export const SessionDoc = z.object({
  _id: SessionId,
  ...doc,
  agent: AgentId,
  instanceId: z.string(),
  createdAt: z.date(),
})
export type SessionDoc = z.infer<typeof SessionDoc>

export const KeyDoc = z.object({
  _id: KeyId,
  ...doc,
  name: z.string(),
  scopes: z.array(Scope),
  secretHash: z.string(),
  createdAt: z.date(),
  expiresAt: z.date().nullable(),
})
export type KeyDoc = z.infer<typeof KeyDoc>

/** What a repeated POST needs to do the same again: the ids it made, and whether it ended well. */
export const IdempotencyDoc = z.object({
  _id: z.string(),
  ...doc,
  bodyHash: z.string(),
  seed: z.number().describe('time part of the ids that the request makes'),
  status: z.number().nullable().describe('of the first 2xx answer'),
  at: z.date(),
})
export type IdempotencyDoc = z.infer<typeof IdempotencyDoc>

/** Single documents that belong to the installation: settings, the tick's notes, the summary. */
export const MetaDoc = z.object({ _id: z.string(), ...doc, at: z.date(), json: JsonText })
export type MetaDoc = z.infer<typeof MetaDoc>
