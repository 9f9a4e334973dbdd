import { z } from 'zod'
import { DataType } from './data.ts'
import { AgentId } from './ids.ts'
import { Json } from './json.ts'
import type { Port } from './manifest.ts'

export const ModuleStatus = z.enum(['DETECTED', 'INSTALLING', 'TESTING', 'AVAILABLE', 'ERROR', 'DISABLED'])
export type ModuleStatus = z.infer<typeof ModuleStatus>

/** Legal transitions of a module on one agent. */
export const moduleMoves: Record<ModuleStatus, readonly ModuleStatus[]> = {
  DETECTED: ['INSTALLING', 'TESTING', 'ERROR', 'DISABLED'],
  INSTALLING: ['TESTING', 'ERROR', 'DETECTED', 'DISABLED'],
  TESTING: ['AVAILABLE', 'ERROR', 'DETECTED', 'DISABLED'],
  AVAILABLE: ['DETECTED', 'TESTING', 'ERROR', 'DISABLED'],
  ERROR: ['DETECTED', 'INSTALLING', 'DISABLED'],
  DISABLED: ['DETECTED', 'AVAILABLE', 'ERROR'],
}

/** From best to worst: a module's overall status is the best on any connected agent. */
export const moduleStatusOrder: readonly ModuleStatus[] = [
  'AVAILABLE',
  'TESTING',
  'INSTALLING',
  'DETECTED',
  'DISABLED',
  'ERROR',
]

export const HealthCheck = z.object({ lastTested: z.iso.datetime(), passed: z.boolean() })
export type HealthCheck = z.infer<typeof HealthCheck>

export const ModuleOnAgent = z.object({
  agentId: AgentId,
  status: ModuleStatus,
  version: z.string(),
  digest: z.string(),
  path: z.string(),
  pythonExec: z.string().nullable(),
  error: z.string().nullable(),
  healthCheck: HealthCheck.nullable(),
  installSeconds: z.number().nullable(),
  needsApproval: z.boolean().default(false).describe('it gets no tasks until POST …/approve'),
})

/** Contents that an agent with an untrusted key reported; they count only after an approval. */
export const AwaitingApproval = z.object({
  agentId: AgentId,
  version: z.string(),
  digest: z.string(),
  since: z.iso.datetime(),
})
export type ModuleOnAgent = z.infer<typeof ModuleOnAgent>

/** A transition of a module on one agent. */
export const ModuleMove = z.object({
  agentId: AgentId,
  version: z.string(),
  digest: z.string(),
  status: ModuleStatus.nullable().describe('null: the agent no longer has it'),
  error: z.string().nullable(),
  at: z.iso.datetime(),
})
export type ModuleMove = z.infer<typeof ModuleMove>

export const ModulePort = z.object({
  key: z.string(),
  type: z.string(),
  format: z.array(z.string()).optional(),
  required: z.boolean(),
  default: Json.optional(),
  description: z.string().optional(),
  enum: z.array(Json).optional(),
  integer: z.boolean(),
  min: z.number().optional(),
  max: z.number().optional(),
  multiple: z.boolean(),
})

export const Module = z.object({
  name: z.string(),
  originalName: z.string().nullable().describe('the name in the workers file; calls accept it too'),
  version: z.string(),
  versions: z.array(z.string()),
  description: z.string(),
  status: ModuleStatus,
  digest: z.string(),
  inputs: z.array(ModulePort),
  outputs: z.array(ModulePort),
  resources: z.object({ usesGpu: z.boolean(), minRamBytes: z.number(), minVramBytes: z.number() }),
  timeoutSeconds: z.number(),
  maxAttempts: z.number().int().nullable().describe('of its tasks that do not set it'),
  capabilities: z.object({ accepts: z.array(DataType), returns: z.array(DataType) }),
  agents: z.array(ModuleOnAgent),
  awaitingApproval: z.array(AwaitingApproval).default([]),
  history: z.array(ModuleMove).optional().describe('newest first, at most 100; omitted in lists'),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
})
export type Module = z.infer<typeof Module>

const byFormat: Record<string, DataType> = {
  jpg: 'image',
  png: 'image',
  gif: 'image',
  webp: 'image',
  bmp: 'image',
  tif: 'image',
  avif: 'image',
  mp4: 'video',
  mkv: 'video',
  mov: 'video',
  webm: 'video',
  avi: 'video',
  wav: 'audio',
  mp3: 'audio',
  flac: 'audio',
  ogg: 'audio',
  m4a: 'audio',
  txt: 'text',
  srt: 'text',
  vtt: 'text',
  md: 'text',
  csv: 'text',
  json: 'json',
}

/** The data types of items that a port accepts or produces. */
export function dataTypesOf(port: Port): DataType[] {
  if (port.multiple) return ['list']
  if (port.type !== 'file') return [port.type]
  return port.format ? [...new Set(port.format.map((format) => byFormat[format] ?? 'file'))] : ['file']
}

/** One string for the contents of a module, for the keys of maps and for sorting. */
export const moduleKey = (of: { name: string; version: string; digest: string }): string =>
  `${of.name}@${of.version}#${of.digest}`
