import { z } from 'zod'
import { AgentRest, Gpu, Platform } from '../agent.ts'
import { AgentId, DataId, RunId, SessionId } from '../ids.ts'
import { Json } from '../json.ts'
import { ModuleName } from '../manifest.ts'
import { AgentCommand } from '../messages.ts'
import { HealthCheck, ModuleStatus } from '../module.ts'
import { LogLine, RunLog, RunUsage } from '../run.ts'
import { Priority, Progress, TaskError } from '../task.ts'

/** Everything under `/agent/v1`. Each request is safe to send twice. */

export const RunVerdict = z.enum(['keep', 'cancel', 'stop'])
export type RunVerdict = z.infer<typeof RunVerdict>

const apiTime = z.iso.datetime().optional().describe("the API's time, by which agents tell theirs")

export const RegisterRequest = z.object({
  agentId: AgentId.optional(),
  name: z.string().min(1).max(200),
  instanceId: z.string().min(8).max(100),
  previousSessionId: SessionId.optional(),
  heldRuns: z.array(RunId).default([]),
  platform: z.preprocess(
    (platform) => (typeof platform === 'string' ? { os: platform } : platform),
    Platform,
  ),
  version: z.string().max(100),
  labels: z.array(z.string().max(64)).max(50).default([]),
  gpus: z.array(Gpu).default([]),
  capacity: z.number().int().min(0).optional().describe('runs at once'),
  signsLines: z.boolean().default(false).describe('its live lines carry its `instanceId`'),
})
export type RegisterRequest = z.input<typeof RegisterRequest>
export const RegisterAnswer = z.object({
  agentId: AgentId,
  sessionId: SessionId,
  heartbeatSeconds: z.number(),
  sessionTtlSeconds: z.number(),
  nats: z.object({
    servers: z.array(z.string()),
    user: z.string().optional(),
    password: z.string().optional(),
  }),
  runs: z.record(z.string(), RunVerdict),
  now: apiTime,
})
export type RegisterAnswer = z.infer<typeof RegisterAnswer>

export const HeartbeatRequest = z.object({
  sessionId: SessionId,
  runs: z.array(z.object({ runId: RunId, progress: Progress.optional() })).max(10_000),
  gpus: z.array(Gpu).default([]),
  load: z
    .object({
      cpu: z.number().optional(),
      freeRamBytes: z.number().optional(),
      freeDiskBytes: z.number().optional(),
    })
    .default({}),
  done: z.array(z.string()).default([]).describe('ids of commands that were carried out'),
  rest: AgentRest.nullable().default(null).describe('why its owner lets it take no new work'),
  clockOffsetSeconds: z
    .number()
    .nullish()
    .describe(
      "how far its clock is ahead of the API's, null while it does not know; who tells it is told the API's time",
    ),
})
export type HeartbeatRequest = z.input<typeof HeartbeatRequest>
const ModuleSwitches = z.record(z.string(), z.enum(['enabled', 'disabled']))

/** A later API may wish for what this version has never heard of; everything else it says holds. */
const knownCommands = (commands: unknown): unknown =>
  Array.isArray(commands) ? commands.filter((one) => AgentCommand.safeParse(one).success) : commands

export const HeartbeatAnswer = z.object({
  runs: z.record(z.string(), RunVerdict),
  commands: z.preprocess(knownCommands, z.array(AgentCommand)),
  modules: ModuleSwitches.optional().describe('as they are switched now'),
  awaiting: z.number().int().optional().describe('so much of what it has awaits approval'),
  rest: AgentRest.nullish().describe('what its operators want; null: to work'),
  now: apiTime,
})
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswer>

export const InventoryModule = z.object({
  name: ModuleName,
  version: z.string().max(100),
  digest: z.string().max(128),
  status: ModuleStatus,
  manifest: Json.nullable().describe('module.json as its author wrote it; null when it cannot be read'),
  path: z.string(),
  pythonExec: z.string().nullish(),
  error: z.string().max(16_384).nullish(),
  healthCheck: HealthCheck.nullish(),
  installSeconds: z.number().nullish(),
})
export type InventoryModule = z.infer<typeof InventoryModule>
export const InventoryRequest = z.object({
  sessionId: SessionId,
  modules: z.array(InventoryModule).max(1000),
})
export type InventoryRequest = z.input<typeof InventoryRequest>
/** Memory that runs of a module were seen to use at most. */
export const Needs = z.object({ ramBytes: z.number(), vramBytes: z.number() })
export type Needs = z.infer<typeof Needs>
export const InventoryAnswer = z.object({
  modules: ModuleSwitches,
  peaks: z.record(z.string(), Needs).optional().describe('by digest, on whatever machine'),
  withheld: z
    .array(
      z.object({
        name: z.string(),
        version: z.string(),
        digest: z.string(),
        reason: z.string().describe('with the remedy'),
        needsApproval: z.boolean(),
      }),
    )
    .optional()
    .describe('what gets no tasks: the key may not serve it, or nobody approved it'),
})
export type InventoryAnswer = z.infer<typeof InventoryAnswer>

/** Lines of the last install, set-up and test of a module; lines already there are skipped by `n`. */
export const InstallLogRequest = z.object({
  sessionId: SessionId,
  digest: z.string().max(128),
  lines: z.array(LogLine).max(5000),
})
export type InstallLogRequest = z.input<typeof InstallLogRequest>

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
      requestId: z.string().optional().describe('of the HTTP request that the task came with'),
      alone: z.boolean().optional().describe('it ran out of memory beside others'),
    })
    .optional(),
})
export type Grant = z.infer<typeof Grant>
export const ClaimAnswer = z.object({
  grant: Grant.nullable(),
  /** `false`: nothing else was open for these offers, so that asking again at once is of no use. */
  more: z.boolean().optional(),
  reserve: z.object({ module: ModuleName, version: z.string() }).optional(),
})
export type ClaimAnswer = z.infer<typeof ClaimAnswer>

/** The output name under which a run's archived log is kept. */
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
  from: z.number().int().positive().optional().describe('the number of the next line, where there are none'),
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

/** A value longer than this becomes a file of its own. */
export const inlineResultLimit = 256 * 1024
