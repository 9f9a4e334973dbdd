import { z } from 'zod'
import { AgentRest, Gpu, Platform } from '../agent.ts'
import { AgentId, RunId, SessionId } from '../ids.ts'
import { Json } from '../json.ts'
import { ModuleName } from '../manifest.ts'
import { AgentCommand } from '../messages.ts'
import { HealthCheck, ModuleStatus } from '../module.ts'
import { LogLine } from '../run.ts'
import { Progress } from '../task.ts'
import type { Calls } from './call.ts'

export const RunVerdict = z.enum(['keep', 'cancel', 'stop'])
export type RunVerdict = z.infer<typeof RunVerdict>

const apiTime = z.iso.datetime().optional().describe("the API's time, to which agents convert theirs")

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
  done: z.array(z.string()).default([]).describe('ids of commands that the agent has executed'),
  rest: AgentRest.nullable().default(null).describe('why its owner paused it'),
  clockOffsetSeconds: z
    .number()
    .nullish()
    .describe(
      "how far its clock is ahead of the API's; null while unknown. With this field, the answer contains the API's time",
    ),
})
export type HeartbeatRequest = z.input<typeof HeartbeatRequest>
const ModuleSwitches = z.record(z.string(), z.enum(['enabled', 'disabled']))

/** Drops commands that only a later API knows; the rest of the answer stays valid. */
const knownCommands = (commands: unknown): unknown =>
  Array.isArray(commands) ? commands.filter((one) => AgentCommand.safeParse(one).success) : commands

export const HeartbeatAnswer = z.object({
  runs: z.record(z.string(), RunVerdict),
  commands: z.preprocess(knownCommands, z.array(AgentCommand)),
  modules: ModuleSwitches.optional().describe('their current switches'),
  awaiting: z.number().int().optional().describe('number of its module versions that await approval'),
  rest: AgentRest.nullish().describe('the pause that its operators set; null: none'),
  now: apiTime,
})
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswer>

export const InventoryModule = z.object({
  name: ModuleName,
  version: z.string().max(100),
  digest: z.string().max(128),
  status: ModuleStatus,
  manifest: Json.nullable().describe('module.json as its author wrote it; null when unreadable'),
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
/** The highest measured memory of a module's runs. */
export const Needs = z.object({ ramBytes: z.number(), vramBytes: z.number() })
export type Needs = z.infer<typeof Needs>
export const InventoryAnswer = z.object({
  modules: ModuleSwitches,
  peaks: z.record(z.string(), Needs).optional().describe('by digest, over all machines'),
  withheld: z
    .array(
      z.object({
        name: z.string(),
        version: z.string(),
        digest: z.string(),
        reason: z.string().describe('with the way to fix it'),
        needsApproval: z.boolean(),
      }),
    )
    .optional()
    .describe('modules that get no tasks: the key may not serve them, or they await approval'),
})
export type InventoryAnswer = z.infer<typeof InventoryAnswer>

/** Lines of the last install, set-up and test of a module; the API skips lines whose `n` it already has. */
export const InstallLogRequest = z.object({
  sessionId: SessionId,
  digest: z.string().max(128),
  lines: z.array(LogLine).max(5000),
})
export type InstallLogRequest = z.input<typeof InstallLogRequest>

/** An agent and its modules. Each request is safe to send twice. */
export const sessionCalls = {
  register: {
    method: 'POST',
    path: '/agent/v1/register',
    tag: 'Agent side',
    summary: 'Begin a session',
    scope: 'agent',
    body: RegisterRequest,
    bodyLimit: 'value',
    answers: { 200: { description: 'The session', json: RegisterAnswer } },
  },
  heartbeat: {
    method: 'POST',
    path: '/agent/v1/heartbeat',
    tag: 'Agent side',
    summary: 'Keep the session alive and report the runs that the agent holds',
    scope: 'agent',
    body: HeartbeatRequest,
    bodyLimit: 'value',
    answers: { 200: { description: 'What to do with each run', json: HeartbeatAnswer } },
  },
  reportModules: {
    method: 'PUT',
    path: '/agent/v1/modules',
    tag: 'Agent side',
    summary: 'Report the modules of the agent and their status',
    scope: 'agent',
    body: InventoryRequest,
    bodyLimit: 'bulk',
    answers: { 200: { description: 'Which modules are enabled', json: InventoryAnswer } },
  },
  appendInstallLog: {
    method: 'POST',
    path: '/agent/v1/modules/{name}/install-log',
    tag: 'Agent side',
    summary: 'Lines of an installation, set-up or test',
    scope: 'agent',
    params: { name: ModuleName },
    subject: 'module',
    body: InstallLogRequest,
    bodyLimit: 'bulk',
    answers: { 204: { description: 'Kept' } },
  },
} as const satisfies Calls
