import { z } from 'zod'
import { AgentId, RunId } from './ids.ts'

export const AgentStatus = z.enum(['online', 'offline', 'paused', 'draining'])
export type AgentStatus = z.infer<typeof AgentStatus>

/** Why an agent claims no new work: a pause by its operators or its owner, perhaps with an end. */
export const AgentRest = z.object({
  kind: z.enum(['paused', 'draining']),
  note: z.string().max(500).nullable().default(null),
  until: z.iso.datetime().nullable().default(null),
})
export type AgentRest = z.infer<typeof AgentRest>

export const Gpu = z.object({
  uuid: z.string(),
  name: z.string(),
  memoryTotal: z.number().default(0).describe('bytes; 0: unknown'),
  memoryUsed: z.number().nullable().default(null).describe('bytes'),
  foreignBytes: z.number().nullable().optional(),
  reserved: z.array(z.object({ module: z.string(), bytes: z.number() })).default([]),
  utilization: z.number().nullable().default(null).describe('percent'),
  driverVersion: z.string().nullable().optional(),
})
export type Gpu = z.infer<typeof Gpu>

/** The machine that an agent runs on, as far as the agent reports it. */
export const Platform = z.object({
  os: z.string(),
  arch: z.string().optional(),
  cpus: z.number().int().optional(),
  memoryBytes: z.number().optional(),
  hostname: z.string().optional(),
  python: z.string().nullable().optional(),
})
export type Platform = z.infer<typeof Platform>

export const Agent = z.object({
  id: AgentId,
  name: z.string(),
  status: AgentStatus,
  rest: AgentRest.extend({ by: z.enum(['operator', 'owner']) })
    .nullable()
    .describe('why it claims no new work'),
  labels: z.array(z.string()),
  platform: Platform,
  gpus: z.array(Gpu),
  capacity: z.number().int().nullable(),
  running: z.array(RunId),
  modules: z.array(z.object({ name: z.string(), version: z.string(), status: z.string() })),
  trusted: z.boolean().optional().describe('whether its key lets its reports count without approval'),
  leftOut: z
    .array(z.object({ name: z.string(), reason: z.string() }))
    .optional()
    .describe('the first 100 modules of its last report that are not in the registry'),
  lastSeenAt: z.iso.datetime(),
  clockOffsetSeconds: z
    .number()
    .nullable()
    .optional()
    .describe("how far its clock is ahead of the API's, at its last heartbeat; null: unknown"),
  version: z.string(),
})
export type Agent = z.infer<typeof Agent>
