import { dirname, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readText } from '../../text/read-text.ts'

/** All lines of a requirements file and of those that it includes, without comments. */
export type RequirementLines = {
  lines: string[]
  /** Files and folders that lines name, relative to any folder where an installer may search; they may not exist. */
  named: string[]
}

/** The format that pip and uv share: https://pip.pypa.io/en/stable/reference/requirements-file-format/ */
const include = /^(-r|-c|--requirement|--constraint)(?:\s*=\s*|\s+|(?<=^-[rc]))(.+)$/
const findLinks = /^(?:-f|--find-links)(?:\s*=\s*|\s+|(?<=^-f))(.+)$/
/** Above any realistic number; a file that includes itself is read once. */
const mostFiles = 100

/** Reads a requirements file and the files that it includes; an unreadable file is a fault. `env` fills `${NAME}`. */
export async function readRequirementLines(
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<RequirementLines | { fault: string }> {
  const folder = dirname(file)
  const all: RequirementLines = { lines: [], named: [] }
  const waiting = [file]
  const seen = new Set<string>()
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    if (seen.has(at)) continue
    if (seen.size === mostFiles) return { fault: `includes more than ${mostFiles} files` }
    seen.add(at)
    const read = await readText(at)
    if (read === null) return { fault: `includes ${at.slice(folder.length + 1)}, which does not exist` }
    if ('fault' in read) return { fault: `${at.slice(folder.length + 1)} ${read.fault}` }
    if (at !== file) all.named.push(at)
    for (const line of linesOf(read.text, env)) {
      all.lines.push(line)
      const [, option, target = ''] = include.exec(line) ?? []
      if (option && !isUrl(target)) waiting.push(...placesOf(target, [dirname(at)]))
      else all.named.push(...namedBy(line).flatMap((path) => placesOf(path, [dirname(at), folder])))
    }
  }
  return all
}

/** The path on the disk that a line names: a folder of packages, an archive, a project. */
function namedBy(line: string): string[] {
  const [, links] = findLinks.exec(line) ?? []
  if (links) return isUrl(links) ? [] : [links]
  if (/^-(?!e|-e)/.test(line)) return []
  const target = line.replace(/^(?:-e|--editable)[\s=]*/, '').replace(/(?<!\s)\s+(?:;|--hash\b).*$/, '')
  const [, reference] = /^[\w.-]+\s*(?:\[[^\]]*\]\s*)?@\s*(.+)$/.exec(target) ?? []
  const path = reference ?? target
  if (isUrl(path)) return []
  const isPath = reference !== undefined || /[\\/]|^\.|^file:|\.(?:whl|zip|tar|tgz|gz|bz2|xz)$/i.test(path)
  return isPath ? [path.replace(/\[[^\]]*\]$/, '')] : []
}

const isUrl = (target: string): boolean =>
  /^(?:\w+\+)?[a-z][a-z\d+.-]+:\/\//i.test(target) && !/^file:/i.test(target)

/** The possible targets of a path, from each of these folders. */
function placesOf(given: string, folders: readonly string[]): string[] {
  const path = given.replace(/^["']|["']$/g, '').replace(/[?#].*$/, '')
  if (/^file:\/\//i.test(path)) return fromFileUrl(path)
  const plain = path.replace(/^file:/i, '')
  return isAbsolute(plain) ? [resolve(plain)] : [...new Set(folders.map((folder) => join(folder, plain)))]
}

function fromFileUrl(url: string): string[] {
  try {
    return [fileURLToPath(url)]
  } catch {
    return [] // for example, it names another machine
  }
}

/**
 * Joins lines that end with a backslash, as installers do. An option at the start of a continuation line also counts as a
 * line: installers disagree about what is a comment, and a build must not hide there.
 */
function linesOf(text: string, env: NodeJS.ProcessEnv): string[] {
  const joined = text.replace(/\\\r?\n/g, ' ').split(lineEnds)
  const known = new Set(joined)
  const parts = text.split(lineEnds).filter((line) => /^\s*-/.test(line) && !known.has(line))
  return [...joined, ...parts]
    .map((line) =>
      line
        .replace(/(?:^|\s)#.*$/, '')
        .replace(/\\$/, '')
        .trim(),
    )
    .filter((line) => line !== '')
    .map((line) => line.replace(/\$\{([A-Z0-9_]+)\}/g, (whole, name: string) => env[name] ?? whole))
}

/** Everything that Python treats as a line end, and more. */
const lineEnds = /\r\n|[^\P{Cc}\t]|[\u2028\u2029]/u
