import { z } from 'zod'
import { Agent } from '../agent.ts'
import { DataType } from '../data.ts'
import { AgentId, KeyId } from '../ids.ts'
import { ModuleName } from '../manifest.ts'
import { Module, ModuleStatus } from '../module.ts'
import { PageQuery, pageOf } from './lists.ts'

/** What operators look at and turn: modules, agents, keys, settings, the summary. */

export const ModuleQuery = PageQuery.extend({
  status: ModuleStatus.optional(),
  accepts: DataType.optional(),
  returns: DataType.optional(),
})
export type ModuleQuery = z.infer<typeof ModuleQuery>
export const ModuleAnswer = z.object({ module: Module })
export const ModulePage = pageOf(Module)
export const ApproveModule = z
  .strictObject({
    version: z.string().max(100).optional(),
    digest: z.string().max(128).optional(),
    agent: AgentId.optional().describe('all that this agent has of the module, or what of it is named'),
  })
  .refine(
    ({ version, digest, agent }) => agent !== undefined || (version !== undefined && digest !== undefined),
    {
      message: 'name version and digest, or agent',
    },
  )
export type ApproveModule = z.infer<typeof ApproveModule>
export const ScanRequest = z.strictObject({ agentId: AgentId.optional() })
export const ScanAnswer = z.object({ agents: z.array(AgentId) })
export const InstallLogQuery = z.object({
  agentId: AgentId.optional(),
  digest: z.string().max(128).optional(),
  since: z.coerce.number().int().min(0).optional().describe('lines after this number'),
  follow: z.enum(['0', '1']).default('0').describe('1: server-sent events, as the lines come'),
})
export type InstallLogQuery = z.infer<typeof InstallLogQuery>

export const PauseAgent = z.strictObject({
  note: z.string().max(500).optional().describe('for whoever wonders'),
  resumeAt: z.iso.datetime().optional(),
})
export type PauseAgent = z.input<typeof PauseAgent>
export const AgentAnswer = z.object({ agent: Agent })
export const AgentPage = pageOf(Agent)

export const Scope = z.enum(['admin', 'write', 'read', 'agent'])
export type Scope = z.infer<typeof Scope>
export const RateLimit = z.strictObject({
  requestsPerSecond: z.number().min(0.01).max(100_000),
  burst: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('so many at once; default: a second of them'),
})
export type RateLimit = z.infer<typeof RateLimit>

/** Which modules an agent's key may serve: a name, the beginning of names with `*` behind it, or `*` for all. */
export const ModulePattern = z
  .string()
  .max(64, 'at most 64 characters')
  .regex(
    /^(\*|[a-z0-9][a-z0-9_-]*\*?)$/,
    'the name of a module, the beginning of one followed by *, or * alone',
  )

const KeyFields = z.strictObject({
  name: z.string().min(1).max(200),
  scopes: z.array(Scope).min(1),
  expiresAt: z.iso.datetime().nullish(),
  rateLimit: RateLimit.nullish().describe('of all its requests; none when left out'),
  modules: z
    .array(ModulePattern)
    .min(1)
    .max(100)
    .optional()
    .describe('with the scope agent: modules that its agents may serve; ["*"] when left out'),
  trusted: z
    .boolean()
    .optional()
    .describe('with the scope agent: what its agents report counts without approval; true when left out'),
})
export const CreateKey = KeyFields.superRefine(({ scopes, modules, trusted }, context) => {
  if (scopes.includes('agent') && !scopes.includes('admin')) return
  const message = scopes.includes('admin')
    ? 'a key with the scope admin may serve every module, and is trusted'
    : 'only a key with the scope agent has this'
  for (const [key, given] of Object.entries({ modules, trusted }))
    if (given !== undefined) context.addIssue({ code: 'custom', message, path: [key] })
})
export const Key = z.object({
  id: KeyId,
  name: z.string(),
  scopes: z.array(Scope),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  rateLimit: RateLimit.nullable(),
  modules: z
    .array(z.string())
    .optional()
    .describe('that its agents may serve; only of keys that agents can use'),
  trusted: z
    .boolean()
    .optional()
    .describe('whether reports of its agents count without approval; only of keys that agents can use'),
})
export type Key = z.infer<typeof Key>
export const KeyCreated = z.object({ key: Key, secret: z.string().nullable().describe('shown once') })
export const KeyPage = pageOf(Key)

const limit = z.number().int().min(0).max(100_000)
const days = z.number().int().min(1).max(3650)
export const Settings = z.object({
  maxRunningTasks: limit,
  perModule: z.record(ModuleName, limit),
  retentionDays: z.object({
    runs: days
      .nullable()
      .describe('runs that ended, of tasks that have ended, with their logs; null: as long as the task'),
    logs: days
      .nullable()
      .default(null)
      .describe('their logs alone, if they are to go before; null: with the run'),
    tasks: days
      .nullable()
      .default(null)
      .describe('tasks that have ended, with all their runs; null: kept for ever'),
    uploads: days.nullable().default(null).describe('data that no task produced; null: kept for ever'),
    outputs: days.nullable().default(null).describe('data that a task produced; null: kept for ever'),
  }),
})
export type Settings = z.infer<typeof Settings>
export const SettingsPatch = z.strictObject({
  maxRunningTasks: limit.optional(),
  perModule: z.record(ModuleName, limit.nullable()).optional().describe('null takes a limit away'),
  retentionDays: z
    .strictObject({
      runs: days.nullable().optional(),
      logs: days.nullable().optional(),
      tasks: days.nullable().optional(),
      uploads: days.nullable().optional(),
      outputs: days.nullable().optional(),
    })
    .optional(),
})
export type SettingsPatch = z.infer<typeof SettingsPatch>

const count = z.number().int().nonnegative()
export const Summary = z.object({
  asOf: z.iso.datetime(),
  tasks: z.object({ planned: count, active: count, completed: count, byStatus: z.record(z.string(), count) }),
  perModule: z.record(z.string(), z.object({ planned: count, active: count, completed: count })),
  agents: z.object({ total: count, online: count }),
  data: z.object({ count, bytes: count }),
})
export type Summary = z.infer<typeof Summary>
