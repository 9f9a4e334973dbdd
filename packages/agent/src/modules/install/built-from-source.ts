import type { RequirementLines } from '../manifest/requirement-lines.ts'

/**
 * The first line of a module's requirements that would build a package, which would run untested code of third parties;
 * `null` when no line does. The installers also run with builds disabled, and they decide. This check names the line, and
 * finds what would override the installers' options: uv always builds editable projects, and options in the file override
 * its command line.
 */
export function builtFromSource({ lines }: Pick<RequirementLines, 'lines'>): string | null {
  return lines.find((line) => builds.test(line) || isOverruling(line) || isNoWheel(line)) ?? null
}

/** Also abbreviated, as pip allows: `--edit`. */
const builds = /^(?:-e|--ed\w*)(?:[\s=.\\/]|$)|(?:^|@\s*)(?:git|hg|svn|bzr)\+/

const isOverruling = (line: string): boolean =>
  /^--no-b\S*/.test(line) || (/^--only-b\S*/.test(line) && !/^--only-binary[\s=]+:all:$/.test(line))

/** `name @ …`, a bare URL, or a path that does not lead to a wheel; a remote requirements file may contain anything. */
function isNoWheel(line: string): boolean {
  if (/^(?:-r|--r\w*)[\s=]*https?:/i.test(line)) return true
  if (line.startsWith('-')) return false
  const plain = line.replace(/(?<!\s)\s+(?:;|--\w).*$/, '')
  const [, reference] = /^[\w.-]+\s*(?:\[[^\]]*\]\s*)?@\s*(.+)$/.exec(plain) ?? []
  const path = reference ?? plain
  const isPath = reference !== undefined || /[\\/]|^\.|^[a-z]+:/i.test(path) || archive.test(path)
  return isPath && !/\.whl(?:\[[^\]]*\])?(?:[?#].*)?$/i.test(path)
}

const archive = /\.(?:whl|zip|tar|tgz|gz|bz2|xz)$/i
