import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HealthCheck, Json, ModuleName } from '@millrace/shared/for-agents'
import { hasCode } from '@millrace/std/fs'
import { z } from 'zod'
import { Interpreter } from './install/interpreter.ts'

/** How the last installation of some contents ended; kept across restarts. */
const InstallOutcome = z.object({
  digest: z.string(),
  status: z.enum(['AVAILABLE', 'ERROR']),
  error: z.string().nullable(),
  python: z.string().nullable(),
  interpreter: Interpreter.nullable(),
  envDir: z.string().nullable(),
  healthCheck: HealthCheck.nullable(),
  installSeconds: z.number().nullable(),
  variables: z.string().nullable().default(null).describe('a stamp of the values of its variables'),
  driver: z.string().nullable().default(null).describe('of the GPU it was tested on'),
})
export type InstallOutcome = z.infer<typeof InstallOutcome>

/** Contents that have passed. `raw` is their `module.json`. */
const PassedVersion = z.object({ name: ModuleName, digest: z.string(), raw: Json, outcome: InstallOutcome })
export type PassedVersion = z.infer<typeof PassedVersion>

export const CatalogueState = z.object({
  v: z.literal(2),
  /** By folder name: the outcome of the newest contents, and the contents that may serve, the best first. */
  folders: z.record(
    z.string(),
    z.object({ outcome: InstallOutcome.nullable(), good: z.array(PassedVersion) }),
  ),
  disabled: z.array(z.string()),
  /** Digests by folder name, valid while no file of the folder changes. */
  digests: z.record(z.string(), z.object({ stamp: z.string(), digest: z.string() })),
})
export type CatalogueState = z.infer<typeof CatalogueState>

type Log = (detail: object, message: string) => void

/** Keeps `catalogue.json`. An unreadable or unwritable file costs new installations, and nothing else. */
export function stateKeeper(file: string, logger: { warn: Log; error: Log }) {
  let saving: Promise<void> = Promise.resolve()
  return {
    async recall(): Promise<CatalogueState> {
      try {
        return CatalogueState.parse(JSON.parse(await readFile(file, 'utf8')))
      } catch (err) {
        if (!isMissing(err))
          logger.warn({ err, file }, 'the catalogue could not be read; testing all modules again')
        return { v: 2, folders: {}, disabled: [], digests: {} }
      }
    },
    /** Saves run one after another; each writes the current state. */
    save(memory: CatalogueState): void {
      const now = structuredClone(memory)
      saving = saving
        .then(() => write(file, now))
        .catch((err: unknown) => logger.error({ err, file }, 'the catalogue could not be saved'))
    },
    close: () => saving,
  }
}

/** Replaces the file in one step: a crash leaves the old one or the new one. */
async function write(file: string, memory: CatalogueState): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const beside = `${file}.new`
  {
    await using handle = await open(beside, 'w', 0o600)
    await handle.writeFile(JSON.stringify(memory))
    await handle.sync()
  }
  await rename(beside, file)
}

const isMissing = (error: unknown): boolean => hasCode(error, 'ENOENT')
