import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ifExists } from '@millrace/std/fs'

/**
 * What stands at these paths: of each file its path and the SHA-256 of its bytes, of each folder those of the files right
 * in it. Outside of `root`, where gigabytes may lie, size and time of a file stand for its bytes. What is not there is left out.
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
