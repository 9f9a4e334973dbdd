import { createHash } from 'node:crypto'
import type { Manifest } from '@millrace/shared/for-agents'
import { secretsIn } from '../log/secrets.ts'
import { isOurs } from './module-env.ts'

/** What the owner of this machine gives to modules: to all that name a variable, and to single ones. */
export type GivenVariables = {
  all: Record<string, string>
  of: Record<string, Record<string, string>>
}

export const nothingGiven: GivenVariables = { all: {}, of: {} }

/** The variables of modules, wherever their values come from. */
export type ModuleVariables = {
  /** The values of those that a module names; what was given to it alone goes first. */
  of(manifest: Manifest): Record<string, string>
  /** What to do about one that is missing. */
  remedy(module: string): string
}

export const noVariables: ModuleVariables = { of: () => ({}), remedy: () => '' }

/** Those of the settings file as it stands, also when it changes. */
export const variablesOfOwner = (given: () => GivenVariables, file: string): ModuleVariables => ({
  of: (manifest) => pickNamed(manifest, { ...given().all, ...own(given().of, manifest.name) }),
  remedy: (module) => `set it in ${file}, under "module_env" for all modules or under "${module}" there`,
})

/** Only what it names, and nothing that is empty: that counts as not set, as in all settings. */
export function pickNamed({ env }: Manifest, values: NodeJS.ProcessEnv): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const { name } of env) {
    const value = own(values, name)
    if (value) picked[name] = value
  }
  return picked
}

/** Says which variable a module cannot do without and was not given, or `null`. */
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

/** By this it is known later whether other values were given; `null` for a module that wants none. */
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

/** The values whose names promise a secret: no module may tell them, also one that was not given them. */
export const secretsOf = ({ all, of }: GivenVariables): string[] =>
  [all, ...Object.values(of)].flatMap(secretsIn)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `constructor` is no module, though every object has one. */
const own = <T>(values: Record<string, T>, key: string): T | undefined =>
  Object.hasOwn(values, key) ? values[key] : undefined
