import { z } from 'zod'
import { DataId, RunId, SessionId } from '../ids.ts'
import { Json } from '../json.ts'
import { ModuleName } from '../manifest.ts'
import { LogLine, RunLog, RunUsage } from '../run.ts'
import { Priority, Progress, TaskError } from '../task.ts'
import type { Calls } from './call.ts'

export const Offer = z.object({
  module: ModuleName,
  version: z.string(),
  digest: z.string(),
  max: z.number().int().min(0).describe('how many more runs of it fit now; 0: no room'),
  warm: z.number().int().min(0).default(0).describe('loaded processes that are idle'),
})
export type Offer = z.infer<typeof Offer>
export const ClaimRequest = z.object({
  sessionId: SessionId,
  claimId: z.string().min(8).max(100),
  offers: z.array(Offer).max(1000),
  wait: z.number().min(0).max(15).default(0).describe('seconds to wait for work'),
})
export type ClaimRequest = z.input<typeof ClaimRequest>

export const GrantedFile = z.object({
  file: z.object({
    data: DataId,
    url: z.string(),
    name: z.string(),
    size: z.number(),
    contentType: z.string(),
    sha256: z.string().optional(),
    label: z.string(),
  }),
})
export type GrantedFile = z.infer<typeof GrantedFile>
export const GrantedInput = z.union([
  GrantedFile,
  z.object({ value: Json }),
  z.object({ list: z.array(z.union([GrantedFile, z.object({ value: Json })])) }),
])
export type GrantedInput = z.infer<typeof GrantedInput>
export const Grant = z.object({
  run: RunId,
  module: z.object({ name: ModuleName, version: z.string(), digest: z.string() }),
  inputs: z.record(z.string(), GrantedInput),
  outputs: z.record(z.string(), z.object({ data: DataId })),
  timeoutSeconds: z.number(),
  task: z
    .object({
      priority: Priority,
      createdAt: z.iso.datetime(),
      requestId: z.string().optional().describe('of the HTTP request that created the task'),
      alone: z.boolean().optional().describe('it ran out of memory next to other runs'),
    })
    .optional(),
})
export type Grant = z.infer<typeof Grant>
export const ClaimAnswer = z.object({
  grant: Grant.nullable(),
  /** `false`: nothing else was ready for these offers; another claim now would be empty. */
  more: z.boolean().optional(),
  reserve: z.object({ module: ModuleName, version: z.string() }).optional(),
})
export type ClaimAnswer = z.infer<typeof ClaimAnswer>

/** The output name of a run's archived log. */
export const logOutput = '$log'
export const OutputFile = z.object({
  output: z.string().max(64),
  n: z.number().int().min(0),
  name: z.string().min(1).max(255),
  size: z.number().int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  contentType: z.string().max(255),
})
export type OutputFile = z.infer<typeof OutputFile>
export const OutputsRequest = z.object({ sessionId: SessionId, files: z.array(OutputFile).min(1).max(1000) })
export type OutputsRequest = z.input<typeof OutputsRequest>
export const OutputsAnswer = z.object({
  uploads: z.array(
    z.object({
      output: z.string(),
      n: z.number().int(),
      method: z.literal('PUT'),
      url: z.string(),
      headers: z.record(z.string(), z.string()),
      expiresAt: z.iso.datetime(),
    }),
  ),
})
export type OutputsAnswer = z.infer<typeof OutputsAnswer>

export const RunLogsRequest = z.object({
  sessionId: SessionId,
  lines: z.array(LogLine).max(10_000),
  progress: Progress.optional(),
  from: z.number().int().positive().optional().describe('the number of the next line when `lines` is empty'),
})
export type RunLogsRequest = z.input<typeof RunLogsRequest>

export const Outcome = z.enum(['succeeded', 'failed', 'cancelled', 'timed_out', 'handed_back'])
export type Outcome = z.infer<typeof Outcome>

/** One output of a run: a value, or the files that were uploaded for it. */
export const ReportedOutput = z.union([
  z.object({ value: Json }),
  z.object({ file: OutputFile }),
  z.object({ files: z.array(OutputFile) }),
])
export type ReportedOutput = z.infer<typeof ReportedOutput>
export const FinishRequest = z.object({
  sessionId: SessionId,
  outcome: Outcome,
  result: z.record(z.string(), ReportedOutput).default({}),
  error: TaskError.nullish(),
  exitCode: z.number().int().nullish(),
  signal: z.string().nullish(),
  startedAt: z.iso.datetime().nullish(),
  finishedAt: z.iso.datetime().nullish(),
  usage: RunUsage.nullish(),
  log: RunLog.extend({ size: z.number().int().optional() }).nullish(),
})
export type FinishRequest = z.input<typeof FinishRequest>
export type FinishReport = z.output<typeof FinishRequest>
export const FinishAnswer = z.union([
  z.object({ applied: z.literal(true) }),
  z.object({ stale: z.literal(true) }),
])
export type FinishAnswer = z.infer<typeof FinishAnswer>

/** A longer value becomes a separate file. */
export const inlineResultLimit = 256 * 1024

/** Claim runs, execute them, report them. Each request is safe to send twice. */
export const workCalls = {
  claim: {
    method: 'POST',
    path: '/agent/v1/claim',
    tag: 'Agent side',
    summary: 'Claim the best ready task',
    scope: 'agent',
    body: ClaimRequest,
    bodyLimit: 'value',
    answers: {
      200: { description: 'An assignment, or the module to reserve room for', json: ClaimAnswer },
      204: { description: 'No work' },
    },
  },
  createOutputUrls: {
    method: 'POST',
    path: '/agent/v1/runs/{id}/outputs',
    tag: 'Agent side',
    summary: 'Presigned PUTs for files of a run',
    scope: 'agent',
    params: { id: RunId },
    subject: 'run',
    body: OutputsRequest,
    bodyLimit: 'value',
    answers: { 200: { description: 'The URLs', json: OutputsAnswer } },
  },
  appendRunLog: {
    method: 'POST',
    path: '/agent/v1/runs/{id}/logs',
    tag: 'Agent side',
    summary: 'Send lines of a run, for networks without NATS',
    scope: 'agent',
    params: { id: RunId },
    subject: 'run',
    body: RunLogsRequest,
    bodyLimit: 'bulk',
    answers: { 204: { description: 'Published' } },
  },
  finishRun: {
    method: 'POST',
    path: '/agent/v1/runs/{id}/finish',
    tag: 'Agent side',
    summary: 'Report how a run ended',
    scope: 'agent',
    params: { id: RunId },
    subject: 'run',
    body: FinishRequest,
    bodyLimit: 'bulk',
    answers: { 200: { description: 'Applied, or stale', json: FinishAnswer } },
  },
} as const satisfies Calls
