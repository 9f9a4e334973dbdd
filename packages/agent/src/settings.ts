import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Config, ConfigFaults, readConfig, settingNames } from './config.ts'
import { decodeText } from './decode-text.ts'
import { homeFrom } from './home-path.ts'
import { ifThere } from './if-there.ts'

/** Where an agent's settings may stand besides its environment. */
export const settingsFile = (own: NodeJS.ProcessEnv): string => join(homeFrom(own), 'agent.yaml')

/**
 * The settings of an agent from its file, its environment and its flags, each before the one named earlier:
 * `max_runs: 2` in the file, `MAX_RUNS=2`, `--max-runs 2`. Throws `ConfigFaults` with all that is wrong.
 */
export async function readSettings(own: NodeJS.ProcessEnv, args: readonly string[]): Promise<Config> {
  const flags = parseFlags(args)
  const { AGENT_HOME = own.AGENT_HOME, ...others } = flags
  const env = { ...own, ...(AGENT_HOME === undefined ? {} : { AGENT_HOME }) }
  const file = settingsFile(env)
  const bytes = await ifThere(readFile(file))
  const fromFile = bytes === null ? {} : await parseFile(file, decoded(file, bytes))
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  return readConfig({ ...fromFile, ...given, ...others }, own)
}

function parseFlags(args: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  const faults: string[] = []
  const left = [...args]
  for (let flag = left.shift(); flag !== undefined; flag = left.shift()) {
    const [, key = '', joined] = /^--([a-z-]+)(?:=(.*))?$/s.exec(flag) ?? []
    const name = nameOf(key)
    const value = joined ?? left.shift()
    if (name === null) faults.push(`${flag}: there is no such flag`)
    else if (value === undefined) faults.push(`${flag}: a value is missing`)
    else found[name] = value
  }
  // A command line is read by everybody on the machine.
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

async function parseFile(file: string, text: string): Promise<Record<string, string>> {
  // Most agents have no such file, and start sooner without the parser.
  const { parse } = await import('yaml')
  const values = parsed(file, () => parse(text))
  const found: Record<string, string> = {}
  const faults: string[] = []
  for (const [key, value] of Object.entries(values)) {
    const name = nameOf(key)
    if (name === null) faults.push(`${file}: there is no setting "${key}"`)
    else if (typeof value === 'object' && value !== null) faults.push(`${file}: "${key}" must be one value`)
    else if (value !== null) found[name] = String(value)
  }
  if (faults.length > 0) throw new ConfigFaults(faults)
  return found
}

function parsed(file: string, parse: () => unknown): object {
  try {
    const values = parse() ?? {}
    if (typeof values === 'object' && !Array.isArray(values)) return values
    throw new Error('it must hold lines like "max_runs: 2"')
  } catch (error) {
    throw new ConfigFaults([`${file}: ${error instanceof Error ? error.message : String(error)}`])
  }
}

/** `max-runs`, `max_runs` and `MAX_RUNS` mean the same. */
function nameOf(key: string): string | null {
  const name = key.toUpperCase().replaceAll('-', '_')
  return name === 'AGENT_HOME' || settingNames.includes(name) ? name : null
}
