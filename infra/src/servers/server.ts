import type { Origin } from '../find/find-programs.ts'
import type { Watchdog } from '../processes/watchdog.ts'
import type { Report } from '../report/report.ts'

/** What an installation needs. */
export type ServerName = 'mongo' | 'nats' | 'store'
export type Source = 'environment' | Origin

export type ServerOptions = {
  /** `MILLRACE_HOME`: data, credentials, logs. */
  home: string
  /** Where fetched programs are kept; default `MILLRACE_CACHE`, else the platform's cache folder. */
  cache?: string
  /** Given servers, ports, PATH; default: the process's own. */
  env?: NodeJS.ProcessEnv
  /** Address to listen on; default `SERVERS_HOST`, else 127.0.0.1. MongoDB has no password, so it ignores this. */
  host?: string
  report?: Report
  /** Ends downloads and compilers. */
  signal?: AbortSignal
  /** Called when the program is available, before anything listens. */
  beforeListen?: () => Promise<void>
  /** Ends the servers when this process dies; default: a separate one for each server. */
  watchdog?: Watchdog
  /** `startServers` only: restart a dead server on the same port and data. */
  restart?: boolean
}

/** A server that answers. `env` has the settings for reaching it. */
export type Server<Name extends string = ServerName> = {
  name: Name
  source: Source
  env: Record<string, string>
  /** Its port as the setting that asks for it, for a start on the same one. */
  portSetting?: Record<string, string>
  /** Missing for an external server of the environment, which we never end. */
  pid?: number
  /** Resolves when the process has ended, wanted or not. Never for a given server. */
  ended: Promise<void>
  /** Ends it and waits for its end; `hurry` kills it at once. */
  stop(hurry?: AbortSignal): Promise<void>
}

export function givenServer(name: ServerName, env: Record<string, string>): Server {
  return {
    name,
    source: 'environment',
    env,
    ended: new Promise(() => undefined),
    stop: async () => undefined,
  }
}

export const hostOf = (options: ServerOptions): string =>
  options.host ?? options.env?.SERVERS_HOST ?? '127.0.0.1'
