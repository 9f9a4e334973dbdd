import { z } from 'zod'
import { RunId } from './ids.ts'
import { ModuleName } from './manifest.ts'
import { LogLine } from './run.ts'
import { Progress } from './task.ts'

/** Dispatch token: "this module has ready work". It names no task; the claim decides what runs. */
export const Token = z.object({ v: z.literal(1), module: ModuleName })
export type Token = z.infer<typeof Token>

/** A batch of a run's output, at most 64 KiB or 100 ms of it. `from` is the number of its first line. */
export const LogBatch = z.object({
  v: z.literal(1),
  from: z.number().int().positive(),
  lines: z.array(LogLine),
  progress: Progress.optional(),
  instance: z
    .string()
    .max(100)
    .optional()
    .describe('of the process that runs it; only that process and the API know it'),
})
export type LogBatch = z.infer<typeof LogBatch>

/** A command to an agent. Each heartbeat's answer repeats it until the agent names it in `done`. */
export const AgentCommand = z.discriminatedUnion('kind', [
  z.object({ v: z.literal(1), kind: z.literal('cancel'), run: RunId }),
  z.object({ v: z.literal(1), kind: z.literal('scan'), id: z.string() }),
  z.object({ v: z.literal(1), kind: z.literal('pause'), id: z.string() }),
  z.object({ v: z.literal(1), kind: z.literal('resume'), id: z.string() }),
  z.object({ v: z.literal(1), kind: z.literal('drain'), id: z.string() }),
  z.object({ v: z.literal(1), kind: z.literal('retry'), id: z.string(), module: ModuleName }),
  z.object({ v: z.literal(1), kind: z.literal('test'), id: z.string(), module: ModuleName }),
])
export type AgentCommand = z.infer<typeof AgentCommand>
