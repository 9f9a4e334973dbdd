import { readFile, stat } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  canonicalFormat,
  faultOfValue,
  type Grant,
  type GrantedFile,
  halfPairFault,
  type Json,
  type Manifest,
  type Port,
} from '@millrace/shared/for-agents'
import { ifExists } from '@millrace/std/fs'
import { contentTypeOf } from '../report/content-type.ts'
import { readTextAs } from '../runs/inputs/read-text-as.ts'
import { readJson } from '../text/strict-json.ts'

type Inputs = Grant['inputs']
type Single = GrantedFile | { value: Json }

/** One input of a check's run: a text to read as its type, or the path of a file. */
export type GivenInput = { key: string } & ({ text: string } | { file: string })

/** Inputs given for the run, read as the manifest declares them; reports all faults at once. */
export async function readGiven(
  manifest: Manifest,
  given: readonly GivenInput[],
): Promise<{ inputs: Inputs } | { faults: string[] }> {
  const inputs: Inputs = {}
  const faults: string[] = []
  for (const one of given) {
    const port = manifest.inputs.find(({ key }) => key === one.key)
    const read = port ? await readOne(port, one) : { fault: `is not declared; ${declared(manifest)}` }
    const before = inputs[one.key]
    if ('fault' in read) faults.push(`input "${one.key}" ${read.fault}`)
    else if (port?.multiple)
      inputs[one.key] = { list: [...(before && 'list' in before ? before.list : []), read] }
    else if (before) faults.push(`input "${one.key}" was given twice, but takes one value`)
    else inputs[one.key] = read
  }
  return faults.length > 0 ? { faults } : { inputs }
}

/** The inputs of `test_data.json`, expanded: files are absolute paths. */
export async function inputsOfTest(manifest: Manifest, expanded: Record<string, Json>): Promise<Inputs> {
  const inputs: Inputs = {}
  for (const port of manifest.inputs) {
    const value = expanded[port.key] ?? null
    if (value === null) continue
    if (port.multiple && Array.isArray(value))
      inputs[port.key] = { list: await Promise.all(value.map((item) => granted(port, item))) }
    else inputs[port.key] = await granted(port, value)
  }
  return inputs
}

async function granted(port: Port, value: Json): Promise<Single> {
  return port.type === 'file' && typeof value === 'string' ? grantFile(value) : { value }
}

async function readOne(port: Port, one: GivenInput): Promise<Single | { fault: string }> {
  if (port.type === 'file')
    return 'file' in one
      ? readFileInput(port, one.file)
      : { fault: `is a file: give it as ${port.key}=@path` }
  const read = 'file' in one ? await readText(port, one.file) : { value: valueAs(port, one.text) }
  if ('fault' in read) return read
  const fault = halfPairFault(read.value) ?? faultOfValue(port, read.value)
  return fault ? { fault } : read
}

async function readFileInput(port: Port, path: string): Promise<Single | { fault: string }> {
  const found = await ifExists(stat(path))
  if (!found?.isFile()) return { fault: `names ${path}, which is not a file` }
  if (port.format && !port.format.includes(canonicalFormat(extname(path))))
    return { fault: `must be a ${port.format.join(' or ')} file, but is called ${basename(path)}` }
  return grantFile(path)
}

async function grantFile(path: string): Promise<GrantedFile> {
  const absolute = resolve(path)
  const { size } = await stat(absolute)
  const name = basename(absolute)
  const contentType = contentTypeOf(name, Buffer.alloc(0))
  const url = pathToFileURL(absolute).href
  return { file: { data: noData, url, name, size, contentType, label: name } }
}

/** Files of a check are no data items. */
const noData = 'dat_00000000000000000000000000'

async function readText(port: Port, path: string): Promise<{ value: Json } | { fault: string }> {
  try {
    const read = readTextAs({ type: 'text' }, await readFile(path), '')
    return 'fault' in read
      ? { fault: `names ${path}, which ${read.fault}` }
      : { value: valueAs(port, String(read.value)) }
  } catch (error) {
    return { fault: `names ${path}, which cannot be read: ${error instanceof Error ? error.message : error}` }
  }
}

/** Invalid JSON counts as text, and the type check of the input reports it. */
function valueAs(port: Port, text: string): Json {
  const read = port.type === 'text' ? { value: text } : readJson(text)
  return 'value' in read ? read.value : text
}

function declared(manifest: Manifest): string {
  const keys = manifest.inputs.map(({ key }) => key)
  return keys.length === 0 ? 'the module has no inputs' : `the module has ${keys.join(', ')}`
}
