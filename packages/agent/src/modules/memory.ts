import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HealthCheck } from '@millrace/shared'
import { z } from 'zod'
import { Interpreter } from './interpreter.ts'

/** How the last installation of a module ended; found again after a restart. */
const Remembered = z.object({
  digest: z.string(),
  status: z.enum(['AVAILABLE', 'ERROR']),
  error: z.string().nullable(),
  python: z.string().nullable(),
  interpreter: Interpreter.nullable(),
  envDir: z.string().nullable(),
  healthCheck: HealthCheck.nullable(),
  installSeconds: z.number().nullable(),
})
export type Remembered = z.infer<typeof Remembered>

export const Memory = z.object({
  v: z.literal(1),
  modules: z.record(z.string(), Remembered),
  disabled: z.array(z.string()),
  /** Digests by folder name, as long as no file there is touched. */
  digests: z.record(z.string(), z.object({ stamp: z.string(), digest: z.string() })),
})
export type Memory = z.infer<typeof Memory>

/** Reads `catalogue.json`. What cannot be read costs a new installation, nothing else. */
export async function recall(file: string): Promise<{ memory: Memory; fault: string | null }> {
  const empty: Memory = { v: 1, modules: {}, disabled: [], digests: {} }
  try {
    return { memory: Memory.parse(JSON.parse(await readFile(file, 'utf8'))), fault: null }
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return { memory: empty, fault: missing ? null : String(error) }
  }
}

/** Writes `catalogue.json` in one step: after a crash it is the old one or the new one. */
export async function remember(file: string, memory: Memory): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const beside = `${file}.new`
  {
    await using handle = await open(beside, 'w', 0o600)
    await handle.writeFile(JSON.stringify(memory))
    await handle.sync()
  }
  await rename(beside, file)
}
