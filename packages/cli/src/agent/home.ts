import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The folder of the agent that is meant: as said, as set, or the usual one. */
export const homeOfAgent = ({ home }: { home?: string }): string =>
  resolve(home ?? (process.env.AGENT_HOME || join(homedir(), '.millrace-agent')))
