export { type RunningAgent, startAgent } from './agent.ts'
export { type Config, ConfigFaults, readConfig } from './config.ts'
