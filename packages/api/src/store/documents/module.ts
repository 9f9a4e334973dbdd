import { AgentId, HealthCheck, LogLine, ModuleStatus } from '@millrace/shared'
import { z } from 'zod'
import { doc, JsonText } from './base.ts'

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
  since: z.date().default(new Date(0)).describe('when this agent first reported these contents'),
  trusted: z.boolean().default(true).describe('as the key of its agent says'),
})
export type ModuleEntry = z.infer<typeof ModuleEntry>
export const ModuleDoc = z.object({
  _id: z.string(),
  ...doc,
  entries: z.array(ModuleEntry).describe('as their agents report them; only what counts'),
  awaiting: z.array(ModuleEntry).default([]).describe('reported without trust, and not approved'),
  approved: z
    .array(
      z.object({
        version: z.string(),
        digest: z.string(),
        manifest: z.string().describe('SHA-256 of its text'),
        by: z.enum(['agent', 'operator']),
        at: z.date(),
      }),
    )
    .default([]),
  disabled: z.boolean().default(false),
  peaks: z
    .array(z.object({ digest: z.string(), ramBytes: z.number(), vramBytes: z.number() }))
    .default([])
    .describe('peak memory of runs'),
  history: z
    .array(
      z.object({
        agentId: AgentId,
        version: z.string(),
        digest: z.string(),
        status: ModuleStatus.nullable(),
        error: z.string().nullable(),
        at: z.date(),
        trusted: z.boolean().default(true),
      }),
    )
    .default([])
    .describe('what agents reported, newest first'),
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
