import { createHash } from 'node:crypto'
import type { Manifest } from '@millrace/shared/for-agents'
import { secretsIn } from '../log/secrets.ts'
import { isOurs } from './module-env.ts'

/** The variables that the owner of this machine sets for modules: for all that name one, and for single modules. */
export type GivenVariables = {
  all: Record<string, string>
  of: Record<string, Record<string, string>>
}

export const nothingGiven: GivenVariables = { all: {}, of: {} }

/** The variables of modules, whatever the source of their values. */
export type ModuleVariables = {
  /** The values of the variables that a module names; a value for this module alone takes precedence. */
  of(manifest: Manifest): Record<string, string>
  /** How to set a missing variable. */
  remedy(module: string): string
}

export const noVariables: ModuleVariables = { of: () => ({}), remedy: () => '' }

/** The variables of the settings file; changes apply at once. */
export const variablesOfOwner = (given: () => GivenVariables, file: string): ModuleVariables => ({
  of: (manifest) => pickNamed(manifest, { ...given().all, ...own(given().of, manifest.name) }),
  remedy: (module) => `set it in ${file}, under "module_env" for all modules or under "${module}" there`,
})

/** Only the variables that the module names. An empty value counts as not set, as in all settings. */
export function pickNamed({ env }: Manifest, values: NodeJS.ProcessEnv): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const { name } of env) {
    const value = own(values, name)
    if (value) picked[name] = value
  }
  return picked
}

/** Names the required variables that are not set, or `null`. */
export function faultOfMissing(manifest: Manifest, variables: ModuleVariables): string | null {
  const given = variables.of(manifest)
  const missing = manifest.env.filter(({ name, required }) => required && given[name] === undefined)
  if (missing.length === 0) return null
  const named = missing.map(({ name, description }) => (description ? `${name} (${description})` : name))
  const are =
    missing.length === 1 ? 'is not set, and the module needs it' : 'are not set, and the module needs them'
  const remedy = variables.remedy(manifest.name)
  return `${named.join(', ')} ${are}: ${missing.length === 1 ? remedy : remedy.replace('set it', 'set them')}`
}

/** A later comparison shows by this stamp whether the values changed; `null` for a module without variables. */
export function stampOf(manifest: Manifest, variables: ModuleVariables): string | null {
  if (manifest.env.length === 0) return null
  const given = Object.entries(variables.of(manifest)).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(given)).digest('hex').slice(0, 16)
}

/** Reads the entry `module_env`: variables, and module names with separate variables. Faults never contain a value. */
export function readGiven(entry: unknown): { given: GivenVariables } | { faults: string[] } {
  const given: GivenVariables = { all: {}, of: {} }
  const faults: string[] = []
  if (entry === '' || entry === null || entry === undefined) return { given }
  if (!isObject(entry)) return { faults: ['"module_env" must hold lines like "HF_TOKEN: …"'] }
  const take = (name: string, value: unknown, into: Record<string, string>, place: string) => {
    const fault = faultOf(name, value)
    if (fault) faults.push(`"module_env": ${place}${name} ${fault}`)
    else into[name] = String(value)
  }
  for (const [key, value] of Object.entries(entry)) {
    if (!isObject(value)) take(key, value, given.all, '')
    else {
      const ofModule: Record<string, string> = {}
      for (const [name, one] of Object.entries(value)) take(name, one, ofModule, `${key}: `)
      given.of[key] = ofModule
    }
  }
  return faults.length > 0 ? { faults } : { given }
}

function faultOf(name: string, value: unknown): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return 'is not the name of a variable'
  if (isOurs(name)) return 'is set by the agent itself, and cannot be given to modules'
  if (typeof value !== 'string') return 'must have one value'
  return value.includes('\0') ? 'has a zero byte' : null
}

/** The values whose names suggest a secret: they are masked in the output of every module, even of those without them. */
export const secretsOf = ({ all, of }: GivenVariables): string[] =>
  [all, ...Object.values(of)].flatMap(secretsIn)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Objects inherit `constructor`, but no module has that name. */
const own = <T>(values: Record<string, T>, key: string): T | undefined =>
  Object.hasOwn(values, key) ? values[key] : undefined
