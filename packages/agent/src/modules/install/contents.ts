import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ifExists } from '@millrace/std/fs'

/**
 * The contents at these paths: each file's path with the SHA-256 of its bytes; for a folder, the files directly in it.
 * Outside `root`, where gigabytes may lie, a file's size and time replace its hash. Missing paths are skipped.
 */
export async function contentsOf(paths: readonly string[], root: string): Promise<[string, string][]> {
  const files = new Set((await Promise.all([...new Set(paths)].map(filesAt))).flat().sort())
  const contents: [string, string][] = []
  for (const file of files) {
    const inside = relative(root, file).replaceAll('\\', '/')
    const isOutside = inside.startsWith('..') || inside === file.replaceAll('\\', '/')
    contents.push(isOutside ? [file, await stampOf(file)] : [inside, await digestOf(file)])
  }
  return contents
}

async function filesAt(path: string): Promise<string[]> {
  const found = await ifExists(stat(path))
  if (found?.isFile()) return [path]
  if (!found?.isDirectory()) return []
  const entries = await readdir(path, { withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(path, entry.name))
}

async function stampOf(file: string): Promise<string> {
  const { size, mtimeMs } = await stat(file)
  return `${size}-${mtimeMs}`
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 256 * 1024 }), hash)
  return hash.digest('hex')
}
