import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The folder that the agent keeps between starts. Imports nothing, since it is needed before all else. */
export const homeFrom = (own: NodeJS.ProcessEnv): string =>
  resolve(own.AGENT_HOME || join(homedir(), '.millrace-agent'))
