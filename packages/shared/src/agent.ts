import { z } from 'zod'
import { AgentId, RunId } from './ids.ts'

export const AgentStatus = z.enum(['online', 'offline', 'paused', 'draining'])
export type AgentStatus = z.infer<typeof AgentStatus>

export const Gpu = z.object({
  uuid: z.string(),
  name: z.string(),
  memoryTotal: z.number().describe('bytes'),
  memoryUsed: z.number().nullable().describe('bytes'),
  foreignBytes: z.number().nullable().optional(),
  reserved: z.array(z.object({ module: z.string(), bytes: z.number() })).default([]),
  utilization: z.number().nullable().describe('percent'),
})
export type Gpu = z.infer<typeof Gpu>

export const Platform = z.object({
  os: z.string(),
  arch: z.string(),
  cpus: z.number().int(),
  memoryBytes: z.number(),
  hostname: z.string().optional(),
  python: z.string().nullable().optional(),
})
export type Platform = z.infer<typeof Platform>

export const Agent = z.object({
  id: AgentId,
  name: z.string(),
  status: AgentStatus,
  labels: z.array(z.string()),
  platform: Platform,
  gpus: z.array(Gpu),
  capacity: z.number().int().nullable(),
  running: z.array(RunId),
  modules: z.array(z.object({ name: z.string(), version: z.string(), status: z.string() })),
  lastSeenAt: z.iso.datetime(),
  version: z.string(),
})
export type Agent = z.infer<typeof Agent>
