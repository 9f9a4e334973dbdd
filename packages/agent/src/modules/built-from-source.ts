/**
 * The first line of a module's requirements that would build a package, which runs code of others before anybody
 * tested it; `null` when there is none. Installers take "wheels only" to mean what comes from an index: a folder,
 * a repository and an archive they build all the same.
 */
export function builtFromSource(requirements: string): string | null {
  return requirements.split('\n').find((line) => builds.test(line) || isNoWheel(line)) ?? null
}

const builds = /^(?:-e|--editable|--no-binary)\b|(?:^|@\s*)(?:git|hg|svn|bzr)\+/

/** `name @ https://…`, a bare URL, or a path. */
function isNoWheel(line: string): boolean {
  const [, target] = /^(?:[\w.[\],\s-]+@\s*)?((?:https?|file):\S+|\.{0,2}[\\/]\S*|\.{1,2}$)/.exec(line) ?? []
  return target !== undefined && !/\.whl(?:[?#].*)?$/.test(target)
}
