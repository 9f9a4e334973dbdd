import { readdir, stat } from 'node:fs/promises'
import { basename, isAbsolute, join, posix, relative, resolve, sep, win32 } from 'node:path'

/**
 * Finds a file that `test_data.json` names. Paths are relative to the module's folder; an absolute path works on machines
 * that have the file. A fault says what to write instead.
 */
export async function findTestFile(
  folder: string,
  named: string,
): Promise<{ path: string; size: number } | { fault: string }> {
  const path = resolve(folder, named)
  const found = named === '' || leadsOut(folder, named, path) ? null : await lookAt(path)
  if (found?.isFile()) return { path, size: found.size }
  if (found?.isDirectory()) return { fault: `names ${short(named)}, which is a folder, not a file` }
  if (found) return { fault: `names ${short(named)}, which is not a plain file` }
  return { fault: await whyNot(folder, named) }
}

async function whyNot(folder: string, named: string): Promise<string> {
  if (named === '') return "is empty: name a file in the module's folder"
  const name = `names ${short(named)}`
  const last = short(basename(named.replaceAll('\\', '/')))
  const putThere = (await lookAt(join(folder, last)))?.isFile()
    ? `the module's folder has it: write "${last}"`
    : `put the file into the module's folder and write "${last}"`
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(named))
    return `${name}, a URL, which the agent does not fetch: ${putThere}`
  if (/^~/.test(named)) return `${name}, but ~ stands for no folder here: ${putThere}`
  if (isAbsolute(named) || win32.isAbsolute(named))
    return `${name}, an absolute path that this machine does not have: ${putThere}`
  const slashed = named.replaceAll('\\', '/')
  if (leadsOut(folder, slashed, resolve(folder, slashed)))
    return `${name}, which leads out of the module's folder, and only that is copied: ${putThere}`
  if (slashed !== named && (await lookAt(join(folder, slashed))))
    return `${name} with backslashes, which are no separators everywhere: write "${short(slashed)}"`
  const alike = await alikeIn(folder, slashed)
  if (alike) return `${name}, but the file is called ${alike}, and letter case counts: write "${alike}"`
  return `names the file ${short(named)}, which is not in the module's folder`
}

/** Only relative paths are checked: an absolute one is intended. */
function leadsOut(folder: string, named: string, path: string): boolean {
  if (isAbsolute(named)) return false
  const way = relative(folder, path)
  return way === '..' || way.startsWith(`..${sep}`)
}

/** The same path in another spelling: other letter case, or another encoding of an accent. */
async function alikeIn(folder: string, named: string): Promise<string | null> {
  const found: string[] = []
  for (const part of posix.normalize(named).split('/')) {
    const names = await readdir(join(folder, ...found)).catch(() => [])
    const name = names.find((one) => one === part) ?? names.find((one) => plain(one) === plain(part))
    if (name === undefined) return null
    found.push(name)
  }
  return found.join('/')
}

const plain = (name: string): string => name.normalize('NFC').toLowerCase()
const short = (named: string): string => (named.length > 200 ? `${named.slice(0, 200)}…` : named)

async function lookAt(path: string) {
  try {
    return await stat(path)
  } catch {
    return null
  }
}
