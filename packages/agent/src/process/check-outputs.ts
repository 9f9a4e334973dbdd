import { extname } from 'node:path'
import {
  canonicalFormat,
  depthOver,
  faultOfValue,
  halfPairFault,
  type Json,
  type Manifest,
  type Port,
} from '@millrace/shared/for-agents'
import { faultOfContent } from './file-content.ts'
import { fileInside } from './file-inside.ts'

/** One output of a run: a value, or files inside the output folder (real paths). */
export type Produced = { value: Json } | { path: string } | { paths: string[] }

export type CheckedOutputs = { outputs: Record<string, Produced>; undeclared: string[] } | { fault: string }

/** A value is sent inside other JSON, which may have at most 100 levels. */
const deepest = 90

/**
 * Checks a module's outputs against its manifest. Undeclared outputs are dropped, not rejected: a program may return more
 * than its manifest declares, and no client can ask for an undeclared output.
 */
export async function checkOutputs(
  manifest: Manifest,
  returned: Record<string, Json>,
  outputDir: string,
): Promise<CheckedOutputs> {
  const outputs: Record<string, Produced> = {}
  for (const port of manifest.outputs) {
    const value = returned[port.key]
    if (isMissing(port, value)) {
      if (port.required) return { fault: `Output "${port.key}" is missing: the result must name it` }
      continue
    }
    const checked = await checkOutput(port, value ?? null, outputDir)
    if ('fault' in checked) return { fault: `Output "${port.key}" ${checked.fault}` }
    outputs[port.key] = checked
  }
  const declared = new Set(manifest.outputs.map((port) => port.key))
  return { outputs, undeclared: Object.keys(returned).filter((key) => !declared.has(key)) }
}

/** `null` is a value of a required `json` output, and means "none" for all others. */
function isMissing(port: Port, value: Json | undefined): boolean {
  return value === undefined || (value === null && !(port.type === 'json' && port.required))
}

async function checkOutput(
  port: Port,
  value: Json,
  outputDir: string,
): Promise<Produced | { fault: string }> {
  if (depthOver(value, deepest))
    return { fault: `is nested more than ${deepest} levels deep: return it as a file` }
  const halfPair = halfPairFault(value)
  if (halfPair) return { fault: halfPair }
  if (!port.multiple) {
    const fault = faultOfValue(port, value)
    if (fault) return { fault }
    return port.type === 'file' ? checkFile(port, value, outputDir) : { value }
  }
  if (!Array.isArray(value)) return { fault: 'must be a list' }
  const paths: string[] = []
  for (const [at, item] of value.entries()) {
    const fault = faultOfValue(port, item)
    if (fault) return { fault: `item ${at} ${fault}` }
    if (port.type !== 'file') continue
    const file = await checkFile(port, item, outputDir)
    if ('fault' in file) return { fault: `item ${at} ${file.fault}` }
    paths.push(file.path)
  }
  return port.type === 'file' ? { paths } : { value }
}

async function checkFile(
  port: Port,
  value: Json,
  outputDir: string,
): Promise<{ path: string } | { fault: string }> {
  if (typeof value !== 'string') return { fault: 'must be the path of a file' }
  const file = await fileInside(outputDir, value)
  if ('fault' in file || !port.format) return file
  const format = canonicalFormat(extname(file.path))
  if (!port.format.includes(format))
    return { fault: `must be a ${port.format.join(' or ')} file, but is called ${value}` }
  const fault = await faultOfContent(file.path, format)
  return fault ? { fault: `${value} ${fault}` } : file
}
