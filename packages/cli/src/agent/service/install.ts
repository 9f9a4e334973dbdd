import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, posix, resolve, win32 } from 'node:path'
import { fileURLToPath } from 'node:url'
import { settingNames } from '@millrace/agent/config'
import { plainHttpWarning } from '@millrace/shared'
import { UsageFault } from '../../exit-codes.ts'
import { homeOfAgent } from '../home.ts'
import type { Plan, Platform, Service } from './service.ts'
import { systemdPlan } from './systemd.ts'
import { winswPlan } from './winsw.ts'

export type ServiceFlags = {
  home?: string
  name: string
  system: boolean
  account?: string
  for?: Platform
  /** The paths of Node and this repository on another machine. */
  node?: string
  repository?: string
  print: boolean
}

/** Writes the files of a service, and prints the commands to run; it starts nothing. */
export async function installService(flags: ServiceFlags): Promise<void> {
  const plan = planOf(flags, settingsOf(process.env, platformOf(flags)))
  if (flags.print) {
    for (const { path, text } of plan.files) console.log(`# ${path}\n${masked(text)}`)
    return
  }
  for (const { path, text, mode } of plan.files) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text, { mode })
    // An existing file would keep its mode.
    await chmod(path, mode)
    console.log(`wrote ${path}`)
  }
  console.log(`\nNow run:\n${plan.toStart.map((line) => `  ${line}`).join('\n')}`)
}

/** Removes exactly the written files; the agent's folder, with its id and environments, stays. */
export async function uninstallService(flags: ServiceFlags): Promise<void> {
  const plan = planOf(flags, {})
  console.log(`Run first, if it runs:\n${plan.toStop.map((line) => `  ${line}`).join('\n')}\n`)
  for (const { path } of plan.files) {
    await rm(path, { force: true })
    console.log(`removed ${path}`)
  }
}

const platformHere: Platform = process.platform === 'win32' ? 'windows' : 'linux'
const platformOf = (flags: ServiceFlags): Platform => flags.for ?? platformHere

function planOf(flags: ServiceFlags, settings: Record<string, string>): Plan {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(flags.name))
    throw new UsageFault(`"${flags.name}" cannot be a service's name; use letters, digits, - _ and .`)
  const platform = platformOf(flags)
  const isElsewhere = platform !== platformHere
  if (isElsewhere && !(flags.print && flags.node && flags.repository && flags.home))
    throw new UsageFault(
      `files for ${platform} are only shown here: add --print, and give its paths with --home, --node and --repository`,
    )
  const { join: joined } = platform === 'windows' ? win32 : posix
  const home = isElsewhere && flags.home ? flags.home : homeOfAgent(flags)
  const repository = flags.repository ?? fileURLToPath(new URL('../../../../../', import.meta.url))
  const service: Service = {
    name: flags.name,
    node: flags.node ?? process.execPath,
    entry: joined(repository, 'packages', 'agent', 'src', 'main.ts'),
    home,
    settings: { ...settings, AGENT_HOME: home },
    account: flags.account ?? null,
  }
  if (platform === 'windows') return winswPlan(service)
  return systemdPlan(service, flags.system ? '/etc/systemd/system' : unitsOfUser(), flags.system)
}

/** The present settings of the agent, for the service. Secrets come only from the environment. */
function settingsOf(env: NodeJS.ProcessEnv, platform: Platform): Record<string, string> {
  const { MILLRACE_URL, MILLRACE_AGENT_KEY } = env
  if (!MILLRACE_URL || !MILLRACE_AGENT_KEY)
    throw new UsageFault(
      'set MILLRACE_URL and MILLRACE_AGENT_KEY, as for the agent itself: the service gets the present settings\n' +
        'MILLRACE_URL=https://millrace.example MILLRACE_AGENT_KEY=… millrace agent install-service',
    )
  const warning = URL.canParse(MILLRACE_URL) ? plainHttpWarning(MILLRACE_URL) : null
  if (warning) console.error(`warning: ${warning}`)
  const settings: Record<string, string> = {}
  for (const name of [...settingNames, 'MILLRACE_PYTHON', 'MILLRACE_UV', 'MILLRACE_TORCH_BACKEND']) {
    const value = env[name]
    if (value === undefined || value === '') continue
    if (/[\r\n\0]/.test(value)) throw new UsageFault(`${name} has more than one line`)
    const isPath = name.endsWith('_DIR') || name.endsWith('_FILE')
    settings[name] = isPath && platform === platformHere ? resolve(value) : value
  }
  return settings
}

const unitsOfUser = (): string =>
  join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'systemd', 'user')

/** Hides the key, because users paste the output elsewhere. */
const masked = (text: string): string => text.replace(/(MILLRACE_AGENT_KEY(?:=|" value=)")[^"]*"/g, '$1***"')
