import {
  AgentCommand,
  AgentId,
  AgentRest,
  Gpu,
  KeyId,
  ModuleStatus,
  Platform,
  Progress,
  RunId,
  SessionId,
} from '@millrace/shared'
import { z } from 'zod'
import { doc } from './base.ts'

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
  signsLines: z.boolean().default(false).describe('live lines without its `instanceId` are not its own'),
  sessionId: SessionId,
  instanceId: z.string(),
  sessionStartedAt: z.date(),
  lastSeenAt: z.date(),
  sessionEndedAt: z.date().nullable(),
  runs: z.array(z.object({ runId: RunId, progress: Progress.nullable() })),
  missing: z.array(RunId).describe('runs that the last heartbeat should have named and did not'),
  modules: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      digest: z.string(),
      status: ModuleStatus.describe('over all agents; claims use it'),
      disabled: z.boolean().default(false),
      awaits: z.boolean().default(false).describe('approval'),
    }),
  ),
  trusted: z.boolean().default(true).describe('as its key says, since it registered'),
  leftOut: z
    .array(z.object({ name: z.string(), reason: z.string() }))
    .default([])
    .describe('of its last report'),
  commands: z.array(AgentCommand),
  asked: AgentRest.nullable().default(null).describe('pause by operators; `until` may be past'),
  ownRest: AgentRest.nullable().default(null).describe('pause by its owner, by the last heartbeat'),
  clockOffsetSeconds: z.number().nullable().default(null).describe('by the last heartbeat'),
  createdAt: z.date(),
  updatedAt: z.date(),
})
export type AgentDoc = z.infer<typeof AgentDoc>

/** The agent of a past session, so that the API can answer a replaced process that it is replaced. */
export const SessionDoc = z.object({
  _id: SessionId,
  ...doc,
  agent: AgentId,
  instanceId: z.string(),
  createdAt: z.date(),
})
export type SessionDoc = z.infer<typeof SessionDoc>
