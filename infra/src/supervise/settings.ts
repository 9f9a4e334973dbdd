import { join, resolve } from 'node:path'
import { parsePort } from '../home/port.ts'

export type Settings = {
  home: string
  host: string
  port: number
  /** Where the API is reached from this machine. */
  url: string
  modulesDir: string
  agentHome: string
  apiEntry: string
  agentEntry: string
  adminKey?: string
  /** Everything else passes through to whom it concerns. */
  env: NodeJS.ProcessEnv
}

/** What the scripts rely on, with the defaults of a fresh checkout at `root`. */
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

/** One listens on 0.0.0.0, but nobody is reached there. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
