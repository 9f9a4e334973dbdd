import { join, resolve } from 'node:path'
import { parsePort } from '../home/port.ts'

export type Settings = {
  home: string
  host: string
  port: number
  /** The URL of the API on this machine. */
  url: string
  modulesDir: string
  agentHome: string
  apiEntry: string
  agentEntry: string
  adminKey?: string
  /** All other variables, for the processes that need them. */
  env: NodeJS.ProcessEnv
}

/** The settings of the scripts, with the defaults of a fresh checkout at `root`. */
export function readSettings(env: NodeJS.ProcessEnv, root: string): Settings {
  const home = resolve(env.MILLRACE_HOME || join(root, '.millrace'))
  const host = env.HOST || '127.0.0.1'
  const port = parsePort('PORT', env.PORT || '8787')
  return {
    home,
    host,
    port,
    url: `http://${reachable(host)}:${port}`,
    modulesDir: resolve(env.MODULES_DIR || join(root, 'modules')),
    agentHome: resolve(env.AGENT_HOME || join(home, 'agent')),
    apiEntry: join(root, 'packages/api/src/node.ts'),
    agentEntry: join(root, 'packages/agent/src/main.ts'),
    adminKey: env.MILLRACE_ADMIN_KEY || undefined,
    env,
  }
}

/** A server can listen on 0.0.0.0, but clients cannot connect to that address. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
