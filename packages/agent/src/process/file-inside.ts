import { realpath, stat } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'

/** The real path of a regular file inside a folder, named absolutely or relatively, with `/` or `\`. */
export async function fileInside(
  folder: string,
  name: string,
): Promise<{ path: string } | { fault: string }> {
  if (name === '' || name.includes('\0')) return { fault: 'must be the path of a file' }
  const root = await realPathOf(folder)
  if (root === null) return { fault: `names the file ${name}, but the output folder has gone` }
  const path =
    (await realPathOf(resolve(root, name))) ?? (await realPathOf(resolve(root, name.replaceAll('\\', '/'))))
  if (path === null) return { fault: `names the file ${name}, which does not exist in the output folder` }
  const way = relative(root, path)
  if (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way))
    return { fault: `names the file ${name}, which lies outside the output folder` }
  const found = await stat(path)
  return found.isFile() ? { path } : { fault: `names ${name}, which is not a regular file` }
}

async function realPathOf(path: string): Promise<string | null> {
  try {
    return await realpath(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG') return null
    throw error
  }
}
