import { moduleEvent } from '@millrace/shared'
import type { Ports } from '../../ports.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'
import type { ModuleDoc } from '../../store/documents/module.ts'
import { announce } from '../events/announce.ts'
import { bestEntry } from './standing.ts'

/** With its status over all of its agents. */
export function announceModule(ports: Ports, module: ModuleDoc, agents: readonly AgentDoc[]): void {
  const status = bestEntry(module, agents)?.status ?? 'ERROR'
  const updatedAt = ports.clock.now().toISOString()
  announce(ports, moduleEvent(module._id), { kind: 'module', id: module._id, status, updatedAt })
}
