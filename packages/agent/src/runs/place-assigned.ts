import { join } from 'node:path'
import type { Grant } from '@millrace/shared/for-agents'
import type { Assignment } from '../signals/agent-signals.ts'
import { download } from './inputs/download.ts'
import { type Fetch, type PlacedInputs, placeInputs } from './inputs/place-inputs.ts'
import type { OpenRun } from './open-run.ts'
import type { Program } from './programs.ts'

/** Downloads the inputs of a run into its folder; requests expired URLs again. */
export function placeAssigned(
  fetch: Fetch | undefined,
  assignment: Assignment,
  { program, runDir, log, mask }: OpenRun & { program: Program },
  signal: AbortSignal,
): Promise<PlacedInputs> {
  const fromStore: Fetch = (file, path, at) =>
    download(file, path, {
      signal,
      freshUrl: async () => urlIn(await assignment.again(), at),
      onTrouble: (error) => log.add('agent', mask(`${at.key}: ${messageOf(error)}; trying again`)),
    })
  const folder = join(runDir, 'in')
  return placeInputs(assignment.grant.inputs, program.manifest.inputs, folder, fetch ?? fromStore)
}

function urlIn(grant: Grant | null, at: { key: string; n: number | null }): string | null {
  const input = grant?.inputs[at.key]
  if (!input) return null
  const single = 'list' in input ? input.list[at.n ?? 0] : input
  return single && 'file' in single ? single.file.url : null
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
