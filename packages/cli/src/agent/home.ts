import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The agent's folder: the flag, else the variable, else the default. */
export const homeOfAgent = ({ home }: { home?: string }): string =>
  resolve(home ?? (process.env.AGENT_HOME || join(homedir(), '.millrace-agent')))
