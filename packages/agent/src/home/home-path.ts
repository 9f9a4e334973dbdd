import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where the agent keeps what it needs between starts. Loads nothing: it is asked before anything else. */
export const homeFrom = (own: NodeJS.ProcessEnv): string =>
  resolve(own.AGENT_HOME || join(homedir(), '.millrace-agent'))
