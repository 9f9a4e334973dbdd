import type { Path } from './read-yaml.ts'

type Found = { path: Path; message: string }

/**
 * Fills the agent's own variables into every text of a value: `${NAME}`, and `${NAME:-default}` for one that may be
 * missing. An empty variable counts as not set, as in all settings. Faults never contain a variable's value.
 */
export function substitute(
  value: unknown,
  own: NodeJS.ProcessEnv,
  path: Path = [],
): { value: unknown; faults: Found[] } {
  if (typeof value === 'string') return substituteText(value, own, path)
  if (typeof value !== 'object' || value === null) return { value, faults: [] }
  const faults: Found[] = []
  const inside = (item: unknown, key: string | number) => {
    const done = substitute(item, own, [...path, key])
    faults.push(...done.faults)
    return done.value
  }
  if (Array.isArray(value)) return { value: value.map(inside), faults }
  const entries = Object.entries(value).map(([key, item]) => [key, inside(item, key)])
  return { value: Object.fromEntries(entries), faults }
}

function substituteText(
  text: string,
  own: NodeJS.ProcessEnv,
  path: Path,
): { value: string; faults: Found[] } {
  const faults: Found[] = []
  const value = text.replace(variable, (written: string, inside: string) => {
    const fault = (message: string) => {
      faults.push({ path, message: `${written} ${message}` })
      return written
    }
    const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^$]*))?$/s.exec(inside) ?? []
    if (name === undefined || !written.endsWith('}'))
      return fault(`is neither \${NAME} nor \${NAME:-default}`)
    if (isPublic(path)) return fault('cannot be used here: this field is public')
    if (keys.test(name)) return fault('is a key of Millrace, which no worker may have')
    const put = own[name] || fallback
    return put === undefined ? fault("is not set in the agent's environment") : put
  })
  return { value, faults }
}

const variable = /\$\{([^}]*)\}?/g
const keys = /^MILLRACE_.*KEY$/

/** Names and versions identify a worker: the registry would show the value of a variable in them. */
const isPublic = (path: Path): boolean =>
  path.includes('task_types') || path.join().endsWith('metadata,version')
