import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ifExists } from '@millrace/std/fs'
import { homeFrom } from '../home/home-path.ts'
import { type GivenVariables, nothingGiven, readGiven } from '../process/module-variables.ts'
import { decodeText } from '../text/decode-text.ts'
import { type Config, ConfigFaults, readConfig, settingNames } from './config.ts'

/** The file with an agent's settings, in addition to its environment. */
export const settingsFile = (own: NodeJS.ProcessEnv): string => join(homeFrom(own), 'agent.yaml')

/**
 * The settings of an agent from its file, its environment and its flags, where later ones override earlier ones:
 * `max_runs: 2` in the file, `MAX_RUNS=2`, `--max-runs 2`. Throws `ConfigFaults` with all faults.
 */
export async function readSettings(own: NodeJS.ProcessEnv, args: readonly string[]): Promise<Config> {
  const flags = parseFlags(args)
  const { AGENT_HOME = own.AGENT_HOME, ...others } = flags
  const env = { ...own, ...(AGENT_HOME === undefined ? {} : { AGENT_HOME }) }
  const { settings, variables } = await readFileOf(env)
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  return readConfig({ ...settings, ...given, ...others }, own, variables)
}

/** The module variables of the settings file, to run modules without an agent. Throws `ConfigFaults`. */
export const readVariables = async (own: NodeJS.ProcessEnv): Promise<GivenVariables> =>
  (await readFileOf(own)).variables

type FromFile = { settings: Record<string, string>; variables: GivenVariables }

async function readFileOf(env: NodeJS.ProcessEnv): Promise<FromFile> {
  const file = settingsFile(env)
  const bytes = await ifExists(readFile(file))
  return bytes === null ? { settings: {}, variables: nothingGiven } : parseFile(file, decoded(file, bytes))
}

function parseFlags(args: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  const faults: string[] = []
  const left = [...args]
  for (let flag = left.shift(); flag !== undefined; flag = left.shift()) {
    const [, key = '', joined] = /^--([a-z-]+)(?:=(.*))?$/s.exec(flag) ?? []
    const name = nameOf(key)
    const value = joined ?? left.shift()
    if (name === null) faults.push(`${flag}: unknown flag`)
    else if (value === undefined) faults.push(`${flag}: a value is missing`)
    else found[name] = value
  }
  // Every user of the machine can read a command line.
  if (found.MILLRACE_AGENT_KEY !== undefined)
    faults.push(
      '--millrace-agent-key: a key does not belong on a command line; use the environment or agent.yaml',
    )
  if (faults.length > 0) throw new ConfigFaults(faults)
  return found
}

function decoded(file: string, bytes: Buffer): string {
  const read = decodeText(bytes)
  if ('fault' in read) throw new ConfigFaults([`${file} ${read.fault}: save it as UTF-8`])
  return read.text
}

async function parseFile(file: string, text: string): Promise<FromFile> {
  // Most agents have no such file, and start faster without the parser.
  const { parse } = await import('yaml')
  const values = parsed(file, () => parse(text, { logLevel: 'error' }))
  const found: Record<string, string> = {}
  // As text: a token of digits may begin with a zero.
  const variables = readGiven(inExactly(parse(text, { schema: 'failsafe', logLevel: 'error' })))
  const faults = 'faults' in variables ? variables.faults.map((fault) => `${file}: ${fault}`) : []
  for (const [key, value] of Object.entries(values)) {
    const name = nameOf(key)
    if (isVariables(key)) continue
    if (name === null) faults.push(`${file}: unknown setting "${key}"`)
    else if (typeof value === 'object' && value !== null) faults.push(`${file}: "${key}" must be one value`)
    else if (value !== null) found[name] = String(value)
  }
  if (faults.length > 0 || 'faults' in variables) throw new ConfigFaults(faults)
  return { settings: found, variables: variables.given }
}

const inExactly = (values: object | null): unknown =>
  Object.entries(values ?? {}).find(([key]) => isVariables(key))?.[1]

function parsed(file: string, parse: () => unknown): object {
  try {
    const values = parse() ?? {}
    if (typeof values === 'object' && !Array.isArray(values)) return values
    throw new Error('it must contain lines like "max_runs: 2"')
  } catch (error) {
    throw new ConfigFaults([`${file}: ${withoutSource(error)}`])
  }
}

/** Omits the parser's quotes of the faulty line and of unresolved names, since these may be secrets. */
function withoutSource(error: unknown): string {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return first.replace(/^(Unresolved \w+[^:]*): \S+/, '$1').replace(/:$/, '')
}

const isVariables = (key: string): boolean => key.toUpperCase().replaceAll('-', '_') === 'MODULE_ENV'

/** `max-runs`, `max_runs` and `MAX_RUNS` mean the same. */
function nameOf(key: string): string | null {
  const name = key.toUpperCase().replaceAll('-', '_')
  return name === 'AGENT_HOME' || settingNames.includes(name) ? name : null
}
