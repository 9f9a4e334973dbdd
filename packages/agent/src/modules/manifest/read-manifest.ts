import { realpath, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import {
  depthOver,
  halfPairFault,
  inexactNumberFault,
  inexactNumberIn,
  Json,
  Manifest,
  unknownManifestKeys,
} from '@millrace/shared/for-agents'
import { ifExists } from '@millrace/std/fs'
import type { z } from 'zod'
import { isOurs } from '../../process/module-env.ts'
import { jsonFault } from '../../text/json-fault.ts'
import { readText } from '../../text/read-text.ts'
import { pythonRange } from './python-range.ts'
import { requirementsFiles } from './requirements.ts'

export type ReadManifest = {
  /** `module.json` as the author wrote it; `null` when it is not JSON. */
  raw: Json | null
  manifest: Manifest | null
  fault: string | null
  warnings: string[]
}

/** The manifest is sent inside other JSON, which may have at most 100 levels. */
const deepest = 64

/**
 * Reads a folder's `module.json` and checks it against the folder. Faults of the author come back as a fault; it throws only
 * when the file has gone.
 */
export async function readManifest(folder: string): Promise<ReadManifest> {
  const path = join(folder, 'module.json')
  const read = await readText(path)
  if (read === null) throw Object.assign(new Error(`${path} has gone`), { code: 'ENOENT' })
  const raw = 'fault' in read ? { fault: `module.json ${read.fault}` } : parse(read.text)
  if ('fault' in raw) return { raw: null, manifest: null, fault: raw.fault, warnings: [] }
  const parsed = Manifest.safeParse(raw.value)
  if (!parsed.success) return { raw: raw.value, manifest: null, fault: faultOf(parsed.error), warnings: [] }
  const manifest = parsed.data
  const fault =
    (await faultOfEntryPoint(folder, manifest)) ??
    (await faultOfRequirementsFile(folder, manifest)) ??
    faultOfPython(manifest) ??
    faultOfVariables(manifest)
  const unknown = typeof raw.value === 'object' && raw.value !== null ? unknownManifestKeys(raw.value) : []
  return {
    raw: raw.value,
    manifest,
    fault,
    warnings: unknown.map((key) => `module.json: "${key}" is not known and has no effect`),
  }
}

function parse(text: string): { value: Json } | { fault: string } {
  if (text.trim() === '') return { fault: 'module.json is empty' }
  const fault = jsonFault(text)
  if (fault !== null) return { fault: `module.json is not valid JSON: ${fault}` }
  const value: unknown = JSON.parse(text)
  if (depthOver(value, deepest)) return { fault: `module.json is nested more than ${deepest} levels deep` }
  const changed = inexactNumberIn(text)
  if (changed)
    return { fault: `module.json: /${changed.path.join('/')}: ${inexactNumberFault(changed.literal)}` }
  const halfPair = halfPairFault(value, text)
  if (halfPair !== null) return { fault: `module.json ${halfPair}` }
  const parsed = Json.safeParse(value)
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
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === 'ELOOP') return `module.json: ${named} is a link that leads nowhere`
    if (code === 'ENAMETOOLONG') return `module.json: ${named} is longer than a file's name may be`
    if (code === 'ENOENT' || code === 'ENOTDIR')
      return `module.json: ${named} does not exist in the module's folder`
    throw error
  }
}

/** The default file may be missing; a file that the manifest names must exist. */
async function faultOfRequirementsFile(folder: string, manifest: Manifest): Promise<string | null> {
  const { requirementsFile } = manifest
  if (requirementsFile === 'requirements.txt') return null
  for (const file of requirementsFiles(requirementsFile))
    if (await ifExists(stat(join(folder, file)))) return null
  return `module.json: requirements_file "${requirementsFile}" does not exist in the module's folder`
}

function faultOfVariables({ env }: Manifest): string | null {
  const taken = env.find(({ name }) => isOurs(name))
  if (!taken) return null
  return `module.json: env: ${taken.name} is set by the agent itself: leave it out, and read what the agent sets`
}

function faultOfPython(manifest: Manifest): string | null {
  return pythonRange(manifest.python) === null
    ? `module.json: python: "${manifest.python}" is not a range of versions`
    : null
}
