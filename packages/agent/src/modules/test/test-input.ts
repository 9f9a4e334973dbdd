import { extname, join } from 'node:path'
import {
  depthOver,
  faultOfValue,
  halfPairFault,
  inexactNumberFault,
  inexactNumberIn,
  Json,
  type Manifest,
  type Port,
} from '@millrace/shared/for-agents'
import { z } from 'zod'
import { jsonFault } from '../../text/json-fault.ts'
import { readText } from '../../text/read-text.ts'
import { findTestFile } from './test-file.ts'

/** Values are sent inside other JSON, which may have at most 100 levels, and 1 MiB each. */
const deepest = 90
const largest = 4 * 1024 * 1024

const TestData = z.looseObject({ inputs: z.record(z.string(), Json) })

type FileFacts = { content_type: string; size: number; label: string }

/**
 * Expands `test_data.json` into the input file of a run: absolute paths, defaults, ids and the output
 * folder. Mistakes of its author come back as a fault.
 */
export async function expandTestData(o: {
  folder: string
  manifest: Manifest
  taskId: string
  outputDir: string
}): Promise<{ input: Record<string, Json> & { inputs: Record<string, Json> } } | { fault: string }> {
  const read = await readTestData(join(o.folder, 'test_data.json'))
  if ('fault' in read) return read
  const { inputs: given, ...others } = read.data
  const unknown = Object.keys(given).find((key) => !o.manifest.inputs.some((port) => port.key === key))
  if (unknown !== undefined) return { fault: `test_data.json: the manifest declares no input "${unknown}"` }
  const inputs: Record<string, Json> = {}
  const files: Record<string, FileFacts | FileFacts[]> = {}
  for (const port of o.manifest.inputs) {
    const value = given[port.key] ?? port.default ?? null
    inputs[port.key] = value
    if (value === null && port.required) return { fault: `test_data.json: input "${port.key}" is missing` }
    if (value === null) continue
    const expanded = await expandInput(o.folder, port, value)
    if ('fault' in expanded) return { fault: `test_data.json: input "${port.key}" ${expanded.fault}` }
    inputs[port.key] = expanded.value
    if (expanded.files) files[port.key] = expanded.files
  }
  return {
    input: { ...others, task_id: o.taskId, run_id: `${o.taskId}.1`, inputs, files, output_dir: o.outputDir },
  }
}

async function readTestData(path: string): Promise<{ data: z.infer<typeof TestData> } | { fault: string }> {
  const read = await readText(path, { largest })
  if (read === null)
    return { fault: 'test_data.json is missing: without a small input the module cannot be tested' }
  if ('fault' in read) return { fault: `test_data.json ${read.fault}` }
  const fault = jsonFault(read.text)
  if (fault !== null) return { fault: `test_data.json is not valid JSON: ${fault}` }
  const value: unknown = JSON.parse(read.text)
  if (depthOver(value, deepest)) return { fault: `test_data.json is nested more than ${deepest} levels deep` }
  const changed = inexactNumberIn(read.text)
  if (changed)
    return { fault: `test_data.json: /${changed.path.join('/')}: ${inexactNumberFault(changed.literal)}` }
  const halfPair = halfPairFault(value, read.text)
  if (halfPair !== null) return { fault: `test_data.json ${halfPair}` }
  const parsed = TestData.safeParse(value)
  return parsed.success ? { data: parsed.data } : { fault: 'test_data.json must be {"inputs": {…}}' }
}

type Expanded = { value: Json; files?: FileFacts | FileFacts[] } | { fault: string }

async function expandInput(folder: string, port: Port, value: Json): Promise<Expanded> {
  if (!port.multiple) return expandOne(folder, port, value)
  if (!Array.isArray(value)) return { fault: 'must be a list' }
  const values: Json[] = []
  const files: FileFacts[] = []
  for (const item of value) {
    const expanded = await expandOne(folder, port, item)
    if ('fault' in expanded) return expanded
    values.push(expanded.value)
    if (expanded.file) files.push(expanded.file)
  }
  return port.type === 'file' ? { value: values, files } : { value: values }
}

async function expandOne(
  folder: string,
  port: Port,
  value: Json,
): Promise<{ value: Json; file?: FileFacts; files?: FileFacts } | { fault: string }> {
  const fault = faultOfValue(port, value)
  if (fault) return { fault }
  if (port.type !== 'file' || typeof value !== 'string') return { value }
  const found = await findTestFile(folder, value)
  if ('fault' in found) return found
  const { path, size } = found
  const file = {
    content_type: contentTypes[extname(path).toLowerCase()] ?? 'application/octet-stream',
    size,
    label: value,
  }
  return { value: path, file, files: file }
}

const contentTypes: Record<string, string> = {
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.mp4': 'video/mp4',
  '.wav': 'audio/wav',
  '.mp3': 'audio/mpeg',
  '.flac': 'audio/flac',
  '.pdf': 'application/pdf',
  '.txt': 'text/plain',
  '.json': 'application/json',
}
