import { availableParallelism } from 'node:os'
import { plainHttpWarning } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { settingsFile } from '../config/settings.ts'
import { type Home, openHome } from '../home/home.ts'
import { describeProxy } from '../http/proxy.ts'
import { Secrets, secretsIn } from '../log/secrets.ts'
import { type ModuleVariables, secretsOf, variablesOfOwner } from '../process/module-variables.ts'
import { startWatchdog, type Watchdog } from '../process/stop/watchdog.ts'
import { type AgentSignals, openSignals } from '../signals/agent-signals.ts'

/** The base that all parts of an agent share. */
export type Base = {
  config: Config
  home: Home
  signals: AgentSignals
  secrets: Secrets
  /** The values for variables that modules declare. */
  variables: ModuleVariables
  watchdog: Watchdog
  /** The threads that each module may use. */
  threads: number
  logger: Logger
  /** Aborted when no part waits for an answer any longer. */
  life: AbortController
}

/** Locks the agent's folder for this process. Throws `HomeInUse`. */
export async function openBase(config: Config, logger: Logger): Promise<Base> {
  const home = await openHome(config.home)
  warn(config, home, logger)
  const signals = openSignals()
  return {
    ...{ config, home, signals, logger },
    secrets: openSecrets(config, signals),
    variables: variablesOfOwner(() => config.moduleVariables, settingsFile({ AGENT_HOME: config.home })),
    watchdog: startWatchdog(home.processesDir),
    threads: Math.max(1, Math.floor(availableParallelism() / config.maxRuns)),
    life: new AbortController(),
  }
}

function warn(config: Config, home: Home, logger: Logger): void {
  const warning = plainHttpWarning(config.url)
  if (warning) logger.warn(warning)
  if (home.orphansEnded > 0)
    logger.warn({ processes: home.orphansEnded }, 'ended processes of an earlier agent')
  const proxy = describeProxy(config.own, config.url)
  if (proxy) logger[proxy.isFault ? 'warn' : 'info'](proxy.message)
}

function openSecrets(config: Config, signals: AgentSignals): Secrets {
  const secrets = new Secrets([config.key, ...secretsIn(config.own), ...secretsOf(config.moduleVariables)])
  signals.registered.subscribe('secrets', ({ nats }) => secrets.add(nats.password))
  signals.settingsChanged.subscribe('secrets', () => {
    for (const secret of secretsOf(config.moduleVariables)) secrets.add(secret)
  })
  return secrets
}
