import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { inlineResultLimit, type Json } from '@millrace/shared/for-agents'
import { contentTypeOf } from './content-type.ts'
import type { SpooledFile, SpooledOutput } from './spool.ts'

/** One output of a module: a value, or files by their absolute paths. */
export type Produced = { value: Json } | { path: string } | { paths: string[] }

/** Measures outputs for the spool; values too long for the report become files. */
export async function gatherOutputs(
  outputs: Record<string, Produced>,
  runDir: string,
): Promise<Record<string, SpooledOutput>> {
  const gathered: Record<string, SpooledOutput> = {}
  for (const [output, produced] of Object.entries(outputs))
    gathered[output] = await gather(output, produced, runDir)
  return gathered
}

async function gather(output: string, produced: Produced, runDir: string): Promise<SpooledOutput> {
  if ('path' in produced) return { files: [await measureFile(output, 0, produced.path)], list: false }
  if ('paths' in produced) {
    const files: SpooledFile[] = []
    for (const [n, path] of produced.paths.entries()) files.push(await measureFile(output, n, path))
    return { files, list: true }
  }
  const text = JSON.stringify(produced.value)
  // Characters first: most values are far too short to encode them just for a byte count.
  if (text.length * 3 <= inlineResultLimit || Buffer.byteLength(text) <= inlineResultLimit) return produced
  const isText = typeof produced.value === 'string'
  const path = join(runDir, `${output}.${isText ? 'txt' : 'json'}`)
  await writeFile(path, isText ? String(produced.value) : text)
  return { files: [await measureFile(output, 0, path)], list: false }
}

/** Size, checksum and type of a file, read once as a stream. */
export async function measureFile(output: string, n: number, path: string): Promise<SpooledFile> {
  const hash = createHash('sha256')
  let size = 0
  let head = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    if (size === 0) head = Buffer.from(chunk.subarray(0, 16))
    hash.update(chunk)
    size += chunk.length
  }
  const name = basename(path)
  return {
    output,
    n,
    name: clipName(name),
    size,
    sha256: hash.digest('hex'),
    contentType: contentTypeOf(name, head),
    path,
  }
}

const clipName = (name: string): string => (name.length <= 255 ? name : name.slice(-255))
