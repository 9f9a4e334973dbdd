import type { SettlePorts } from '../settle/ports.ts'

export type AgentPorts = SettlePorts & {
  limits: { sessionTtlSeconds: number; heartbeatSeconds: number; agentsPerKey: number }
  /** What the API sends agents about NATS: its public name and their own user. */
  agentNats: { servers: string[]; user?: string; password?: string }
}
