import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HealthCheck, Json, ModuleName } from '@millrace/shared/for-agents'
import { hasCode } from '@millrace/std/fs'
import { z } from 'zod'
import { Interpreter } from './install/interpreter.ts'

/** How the last installation of some contents ended; found again after a restart. */
const InstallOutcome = z.object({
  digest: z.string(),
  status: z.enum(['AVAILABLE', 'ERROR']),
  error: z.string().nullable(),
  python: z.string().nullable(),
  interpreter: Interpreter.nullable(),
  envDir: z.string().nullable(),
  healthCheck: HealthCheck.nullable(),
  installSeconds: z.number().nullable(),
  variables: z.string().nullable().default(null).describe('stands for the values that it was given'),
  driver: z.string().nullable().default(null).describe('of the GPU it was tested on'),
})
export type InstallOutcome = z.infer<typeof InstallOutcome>

/** Contents that have passed. `raw` is their `module.json`. */
const PassedVersion = z.object({ name: ModuleName, digest: z.string(), raw: Json, outcome: InstallOutcome })
export type PassedVersion = z.infer<typeof PassedVersion>

export const CatalogueState = z.object({
  v: z.literal(2),
  /** By folder name: how the newest contents fared, and what may serve, the best first. */
  folders: z.record(
    z.string(),
    z.object({ outcome: InstallOutcome.nullable(), good: z.array(PassedVersion) }),
  ),
  disabled: z.array(z.string()),
  /** Digests by folder name, as long as no file there is touched. */
  digests: z.record(z.string(), z.object({ stamp: z.string(), digest: z.string() })),
})
export type CatalogueState = z.infer<typeof CatalogueState>

type Log = (detail: object, message: string) => void

/** Keeps `catalogue.json`. What cannot be read costs a new installation, and what cannot be written too: nothing else. */
export function stateKeeper(file: string, logger: { warn: Log; error: Log }) {
  let saving: Promise<void> = Promise.resolve()
  return {
    async recall(): Promise<CatalogueState> {
      try {
        return CatalogueState.parse(JSON.parse(await readFile(file, 'utf8')))
      } catch (err) {
        if (!isMissing(err))
          logger.warn({ err, file }, 'the catalogue could not be read: modules are tested anew')
        return { v: 2, folders: {}, disabled: [], digests: {} }
      }
    },
    /** One after another, each as it is now. */
    save(memory: CatalogueState): void {
      const now = structuredClone(memory)
      saving = saving
        .then(() => write(file, now))
        .catch((err: unknown) => logger.error({ err, file }, 'the catalogue could not be saved'))
    },
    close: () => saving,
  }
}

/** In one step: after a crash it is the old one or the new one. */
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
