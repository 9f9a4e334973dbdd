import { readFile, realpath, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { Json, Manifest, unknownManifestKeys } from '@millrace/shared'
import type { z } from 'zod'
import { jsonFault } from './json-fault.ts'
import { pythonRange } from './python-range.ts'

export type ReadManifest = {
  /** `module.json` as its author wrote it; `null` when it is not JSON. */
  raw: Json | null
  manifest: Manifest | null
  fault: string | null
  warnings: string[]
}

/** Reads a folder's `module.json` and holds it against the folder. Never throws for what an author wrote. */
export async function readManifest(folder: string): Promise<ReadManifest> {
  const text = await readFile(join(folder, 'module.json'), 'utf8')
  const raw = parse(text)
  if ('fault' in raw) return { raw: null, manifest: null, fault: raw.fault, warnings: [] }
  const parsed = Manifest.safeParse(raw.value)
  if (!parsed.success) return { raw: raw.value, manifest: null, fault: faultOf(parsed.error), warnings: [] }
  const manifest = parsed.data
  const fault = (await faultOfEntryPoint(folder, manifest)) ?? faultOfPython(manifest)
  const unknown = typeof raw.value === 'object' && raw.value !== null ? unknownManifestKeys(raw.value) : []
  return {
    raw: raw.value,
    manifest,
    fault,
    warnings: unknown.map((key) => `module.json: "${key}" is not known and has no effect`),
  }
}

function parse(text: string): { value: Json } | { fault: string } {
  const plain = text.replace(/^\uFEFF/, '')
  const fault = jsonFault(plain)
  if (fault !== null) return { fault: `module.json is not valid JSON: ${fault}` }
  const parsed = Json.safeParse(JSON.parse(plain))
  return parsed.success ? { value: parsed.data } : { fault: faultOf(parsed.error) }
}

function faultOf(error: z.ZodError): string {
  const faults = error.issues.map((issue) => {
    const place = issue.path.map(String).join('.')
    return place === '' ? issue.message : `${place}: ${issue.message}`
  })
  return `module.json: ${faults.join('; ')}`
}

async function faultOfEntryPoint(folder: string, manifest: Manifest): Promise<string | null> {
  const named = `entry_point "${manifest.entryPoint}"`
  try {
    const path = await realpath(join(folder, manifest.entryPoint))
    const way = relative(await realpath(folder), path)
    if (way === '..' || way.startsWith(`..${sep}`))
      return `module.json: ${named} leads out of the module's folder`
    return (await stat(path)).isFile() ? null : `module.json: ${named} is not a file`
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return `module.json: ${named} does not exist in the module's folder`
    throw error
  }
}

function faultOfPython(manifest: Manifest): string | null {
  return pythonRange(manifest.python) === null
    ? `module.json: python: "${manifest.python}" is not a range of versions`
    : null
}
