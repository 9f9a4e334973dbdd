import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Grant, GrantedFile, GrantedInput, Json, Port } from '@millrace/shared/for-agents'
import { InputUnavailable } from './download.ts'
import { readTextAs } from './read-text-as.ts'

type FileFacts = { content_type: string; size: number; label: string }
export type PlacedInputs = {
  inputs: Record<string, Json>
  files: Record<string, FileFacts | FileFacts[]>
}
export type Fetch = (
  file: GrantedFile['file'],
  path: string,
  at: { key: string; n: number | null },
) => Promise<void>
type Single = Exclude<GrantedInput, { list: unknown }>
/** The place of one value of an input; `n` counts the items of a list. */
type Place = { port: Port; n: number | null; folder: string }
type Placed = { value: Json; facts: FileFacts | null }

const largestParsed = 64 * 1024 * 1024

/**
 * Prepares a task's inputs for its module: files under `folder`, everything else as values. A missing input becomes the
 * port's default, or `null`. Throws `InputUnavailable`.
 */
export async function placeInputs(
  granted: Grant['inputs'],
  ports: Port[],
  folder: string,
  fetch: Fetch,
): Promise<PlacedInputs> {
  const placed: PlacedInputs = { inputs: {}, files: {} }
  for (const port of ports) {
    const input = granted[port.key]
    if (input === undefined) placed.inputs[port.key] = port.default ?? null
    else if ('list' in input) {
      const items: Placed[] = []
      for (const [n, item] of input.list.entries()) items.push(await place(item, { port, n, folder }, fetch))
      placed.inputs[port.key] = items.map(({ value }) => value)
      const facts = items.flatMap(({ facts }) => facts ?? [])
      if (facts.length > 0) placed.files[port.key] = facts
    } else {
      const { value, facts } = await place(input, { port, n: null, folder }, fetch)
      placed.inputs[port.key] = value
      if (facts) placed.files[port.key] = facts
    }
  }
  return placed
}

function place(input: Single, at: Place, fetch: Fetch): Promise<Placed> {
  if ('file' in input) return placeFile(input.file, at, fetch)
  if (at.port.type === 'file' && input.value !== null) return writeValue(input.value, at)
  return Promise.resolve({ value: input.value, facts: null })
}

async function placeFile(
  file: GrantedFile['file'],
  { port, n, folder }: Place,
  fetch: Fetch,
): Promise<Placed> {
  const asValue = port.type !== 'file'
  if (asValue && file.size > largestParsed)
    throw new InputUnavailable(`${port.key}: ${file.name} is too large to be read as ${port.type}`, false)
  const path = await placeFor(folder, fileName(port.key, n, extensionOf(file.name)))
  await fetch(file, path, { key: port.key, n })
  if (asValue) return { value: await readAs(port, path, file), facts: null }
  return { value: path, facts: { content_type: file.contentType, size: file.size, label: file.label } }
}

async function readAs(port: Port, path: string, file: GrantedFile['file']): Promise<Json> {
  const read = readTextAs(port, await readFile(path), file.contentType)
  if ('fault' in read) throw new InputUnavailable(`${port.key}: ${file.name} ${read.fault}`, false)
  return read.value
}

/** An inline item given to a file input. */
async function writeValue(value: Json, { port, n, folder }: Place): Promise<Placed> {
  const isText = typeof value === 'string'
  const path = await placeFor(folder, fileName(port.key, n, isText ? '.txt' : '.json'))
  const text = isText ? value : JSON.stringify(value)
  await writeFile(path, text)
  const content_type = isText ? 'text/plain' : 'application/json'
  return { value: path, facts: { content_type, size: Buffer.byteLength(text), label: '' } }
}

/** The folder is made for its first file: many tasks have none. */
async function placeFor(folder: string, name: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return join(folder, name)
}

/** Named after the input, never after the uploaded file; only its extension is kept. */
const fileName = (key: string, n: number | null, extension: string): string =>
  `${key}${n === null ? '' : `-${n}`}${extension}`

const extensionOf = (name: string): string => {
  const extension = extname(name)
  return /^\.[A-Za-z0-9]{1,16}$/.test(extension) ? extension.toLowerCase() : ''
}
